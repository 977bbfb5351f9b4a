#ifndef TFSPARSE_BENCHMARKS_THREAD_POOL_H_
#define TFSPARSE_BENCHMARKS_THREAD_POOL_H_

// Threads that wait for work, as TensorFlow's intra-op pool does, and that share it as the ops
// do. They spin while they wait before they sleep, as that pool's do: a call right after another
// finds them awake.

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "custom_ops/base/parallel_for.h"
#include "custom_ops/base/shared_work.h"

namespace tfsparse {

class ThreadPool {
 public:
  // As many threads as that, the calling one among them.
  explicit ThreadPool(int count) : count_(count) {
    for (int t = 1; t < count; ++t) workers_.emplace_back([this] { Work(); });
  }

  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  ~ThreadPool() {
    for (size_t t = 0; t < workers_.size(); ++t) Schedule(nullptr);
    for (std::thread& worker : workers_) worker.join();
  }

  Threads threads() { return ShareAmong(count_, this); }

  // Null ends a thread.
  void Schedule(std::function<void()> closure) {
    {
      const std::lock_guard lock(mutex_);
      queue_.push_back(std::move(closure));
      ++queued_;
    }
    wake_.notify_one();
  }

 private:
  static constexpr int kSpins = 20000;

  static void Pause() {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#endif
  }

  void Work() {
    while (true) {
      for (int i = 0; i < kSpins && queued_ == 0; ++i) Pause();
      std::function<void()> closure;
      {
        std::unique_lock lock(mutex_);
        wake_.wait(lock, [this] { return !queue_.empty(); });
        closure = std::move(queue_.front());
        queue_.pop_front();
        --queued_;
      }
      if (closure == nullptr) return;
      closure();
    }
  }

  const int count_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::function<void()>> queue_;  // guarded by mutex_
  std::atomic<int> queued_ = 0;
  std::vector<std::thread> workers_;
};

}  // namespace tfsparse

#endif  // TFSPARSE_BENCHMARKS_THREAD_POOL_H_
