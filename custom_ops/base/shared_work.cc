#include "custom_ops/base/shared_work.h"

#include <thread>

namespace tfsparse {
namespace {

// How often the caller looks at what helpers have begun before it lets another program run.
constexpr int kSpins = 2000;

void Pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}

}  // namespace

SharedWork::SharedWork(int max_sharers)
    : max_sharers_(max_sharers), ranges_(new Range[max_sharers]) {}

std::shared_ptr<SharedWork> SharedWork::Begin(int64_t items, int sharers,
                                              const Threads::Body& body) {
  thread_local std::shared_ptr<SharedWork> last;
  const auto busy = [] {
    return last->to_come_.load(std::memory_order_acquire) > 0 || last->left_.load() > 0;
  };
  if (last == nullptr || last->max_sharers_ < sharers || busy()) {
    last = std::make_shared<SharedWork>(sharers);
  }
  last->sharers_ = sharers;
  last->body_ = &body;
  for (int i = 0; i < sharers; ++i) {
    last->ranges_[i].next.store(items * i / sharers, std::memory_order_relaxed);
    last->ranges_[i].end = items * (i + 1) / sharers;
  }
  last->left_.store(items, std::memory_order_relaxed);
  last->to_come_.store(sharers - 1, std::memory_order_relaxed);  // Schedule publishes all of it
  return last;
}

void SharedWork::Help(int sharer) {
  Take(sharer);
  to_come_.fetch_sub(1, std::memory_order_release);
}

void SharedWork::Finish() {
  Take(0);
  for (int i = 0; left_.load(std::memory_order_acquire) > 0; ++i) {
    i < kSpins ? Pause() : std::this_thread::yield();
  }
}

void SharedWork::Take(int sharer) {
  for (int i = 0; i < sharers_; ++i) {
    Range& range = ranges_[(sharer + i) % sharers_];
    for (int64_t item; (item = range.next.fetch_add(1, std::memory_order_relaxed)) < range.end;) {
      (*body_)(item, item + 1);
      left_.fetch_sub(1, std::memory_order_release);
    }
  }
}

}  // namespace tfsparse
