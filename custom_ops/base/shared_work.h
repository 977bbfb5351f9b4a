#ifndef TFSPARSE_CUSTOM_OPS_BASE_SHARED_WORK_H_
#define TFSPARSE_CUSTOM_OPS_BASE_SHARED_WORK_H_

// Shares items between the calling thread and those of a pool.
//
// Why not the pool's own loop: TensorFlow's hands all of the items to its threads and sleeps
// until they are done. Waking a thread takes as long as a product by a hundred rows, so two
// threads were slower than one up to 256 rows. Here the calling thread begins at once; who wakes
// up in time helps, and nobody waits for a thread that has not begun.
//
// How. Each thread has a range of neighbouring items, takes them one by one, and then those that
// are left of the others' ranges. Neighbours share lines of x and y, so a thread keeps to its
// range while it can. The caller returns when the last item is done. A helper that comes after
// that finds nothing to take, but it has to find the ranges: so they are not on the stack. They
// belong to all that may still look at them, and serve another call once all helpers have come.
//
// Cost. No lock, and no allocation of its own while helpers come before the next call; closures
// are the pool's matter. Needs no thread of the pool to get on.

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <memory>
#include <new>

#include "custom_ops/base/parallel_for.h"

namespace tfsparse {

class SharedWork {
 public:
  explicit SharedWork(int max_sharers);

  // Ready to be shared, out of the calling thread's last one if that is free. `body` has to
  // outlive Finish.
  static std::shared_ptr<SharedWork> Begin(int64_t items, int sharers, const Threads::Body& body);

  // By helper 1 .. sharers - 1, once each, soon or late.
  void Help(int sharer);
  // By the caller: returns when all items are done.
  void Finish();

 private:
  struct alignas(64) Range {
    std::atomic<int64_t> next = 0;
    int64_t end = 0;
  };

  void Take(int sharer);

  const int max_sharers_;
  const std::unique_ptr<Range[]> ranges_;
  int sharers_ = 0;
  const Threads::Body* body_ = nullptr;
  std::atomic<int64_t> left_ = 0;  // items that are not done
  std::atomic<int> to_come_ = 0;   // helpers that have not been here
};

// The calling thread and count - 1 of a pool, which has Schedule(closure), for work that is worth
// waking them.
template <class Pool>
Threads ShareAmong(int count, Pool* pool) {
  constexpr int64_t kMinCycles = 1 << 15;  // less is done before another thread is awake
  Threads threads;
  threads.count = count;
  threads.parallel_for = [count, pool](int64_t items, int64_t cost, const Threads::Body& body) {
    const int64_t worth = items * std::max<int64_t>(cost, 1) / kMinCycles;
    const auto sharers = static_cast<int>(std::min<int64_t>({count, items, worth}));
    if (sharers <= 1) {
      body(0, items);
      return;
    }
    const std::shared_ptr<SharedWork> work = SharedWork::Begin(items, sharers, body);
    try {
      for (int i = 1; i < sharers; ++i) pool->Schedule([work, i] { work->Help(i); });
    } catch (const std::bad_alloc&) {
      // Of a closure. Who has been told already may be at work on `body`, so this goes on.
    }
    work->Finish();
  };
  return threads;
}

}  // namespace tfsparse

#endif  // TFSPARSE_CUSTOM_OPS_BASE_SHARED_WORK_H_
