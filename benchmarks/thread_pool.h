#ifndef TFSPARSE_BENCHMARKS_THREAD_POOL_H_
#define TFSPARSE_BENCHMARKS_THREAD_POOL_H_

// Threads that wait for work, as TensorFlow's intra-op pool does: starting a thread takes as
// long as multiplying a hundred rows. They spin while they wait, for about as long as that pool
// does before it sleeps, so that a call right after another finds them awake. As there, a thread
// has a range of its own, and takes from others' when it is done: items shared out one by one
// would have the caches hand every line of x and y back and forth.

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <thread>
#include <vector>

#include "custom_ops/base/parallel_for.h"

namespace tfsparse {

class ThreadPool {
 public:
  // As many threads as that, the calling one among them.
  explicit ThreadPool(int count) : count_(count), ranges_(count) {
    for (int t = 1; t < count; ++t) workers_.emplace_back([this, t] { Work(t); });
  }

  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  ~ThreadPool() {
    stopping_ = true;
    Announce();
    for (std::thread& worker : workers_) worker.join();
  }

  Threads threads() {
    Threads threads;
    threads.count = count_;
    threads.parallel_for = [this](int64_t items, int64_t, const Threads::Body& body) {
      body_ = &body;
      for (int t = 0; t < count_; ++t) {
        ranges_[t].next = items * t / count_;
        ranges_[t].end = items * (t + 1) / count_;
      }
      busy_ = count_ - 1;
      Announce();
      TakeItems(0);
      while (busy_.load(std::memory_order_acquire) > 0) Pause();
    };
    return threads;
  }

 private:
  static constexpr int kSpins = 20000;

  static void Pause() {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#endif
  }

  void Announce() {
    {
      const std::lock_guard lock(mutex_);
      round_.fetch_add(1, std::memory_order_release);
    }
    wake_.notify_all();
  }

  void TakeItems(int thread) {
    for (int t = 0; t < count_; ++t) {
      Range& range = ranges_[(thread + t) % count_];
      for (int64_t i = range.next++; i < range.end; i = range.next++) (*body_)(i, i + 1);
    }
  }

  void Work(int thread) {
    for (int64_t seen = 0;; ++seen) {
      for (int i = 0; i < kSpins && round_.load(std::memory_order_acquire) == seen; ++i) Pause();
      if (round_.load(std::memory_order_acquire) == seen) {
        std::unique_lock lock(mutex_);
        wake_.wait(lock, [&] { return round_.load(std::memory_order_acquire) != seen; });
      }
      if (stopping_) return;
      TakeItems(thread);
      busy_.fetch_sub(1, std::memory_order_release);
    }
  }

  struct alignas(64) Range {
    std::atomic<int64_t> next = 0;
    int64_t end = 0;
  };

  const int count_;
  std::vector<Range> ranges_;
  const Threads::Body* body_ = nullptr;
  std::atomic<int64_t> round_ = 0;
  std::atomic<int> busy_ = 0;
  std::atomic<bool> stopping_ = false;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::vector<std::thread> workers_;
};

}  // namespace tfsparse

#endif  // TFSPARSE_BENCHMARKS_THREAD_POOL_H_
