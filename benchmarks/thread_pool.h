#ifndef TFSPARSE_BENCHMARKS_THREAD_POOL_H_
#define TFSPARSE_BENCHMARKS_THREAD_POOL_H_

// Threads that wait for work, as TensorFlow's intra-op pool does, and that share it as the ops
// do. They spin while they wait before they sleep, as that pool's do: a call right after another
// finds them awake.

#include <sched.h>

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
  // As many threads as that, the calling one among them. With `own_cores` each stays on one core
  // as long as there is the pool: where other programs keep all cores busy, Linux may wake one
  // thread on the core of another and leave it there.
  explicit ThreadPool(int count, bool own_cores = false) : count_(count) {
    sched_getaffinity(0, sizeof(cores_), &cores_);
    for (int t = 1; t < count; ++t) {
      workers_.emplace_back([this, t, own_cores] {
        if (own_cores) StayOn(t);
        Work();
      });
    }
    if (own_cores && count > 1) StayOn(0);
  }

  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  ~ThreadPool() {
    for (size_t t = 0; t < workers_.size(); ++t) Schedule(nullptr);
    for (std::thread& worker : workers_) worker.join();
    sched_setaffinity(0, sizeof(cores_), &cores_);
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

  // The core of that number among those that the program may use.
  void StayOn(int number) const {
    const int cores = CPU_COUNT(&cores_);
    cpu_set_t one;
    CPU_ZERO(&one);
    for (int core = 0, seen = 0; core < CPU_SETSIZE; ++core) {
      if (CPU_ISSET(core, &cores_) && seen++ == number % cores) CPU_SET(core, &one);
    }
    sched_setaffinity(0, sizeof(one), &one);
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
  cpu_set_t cores_;  // that the calling thread had before
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::function<void()>> queue_;  // guarded by mutex_
  std::atomic<int> queued_ = 0;
  std::vector<std::thread> workers_;
};

}  // namespace tfsparse

#endif  // TFSPARSE_BENCHMARKS_THREAD_POOL_H_
