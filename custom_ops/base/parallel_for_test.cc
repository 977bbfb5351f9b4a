#include "custom_ops/base/parallel_for.h"

#include <cstdint>
#include <new>
#include <thread>
#include <vector>

#include "gtest/gtest.h"

namespace tfsparse {
namespace {

Threads OneThreadPerItem(int count) {
  Threads threads;
  threads.count = count;
  threads.parallel_for = [](int64_t items, int64_t, const Threads::Body& body) {
    std::vector<std::thread> workers;
    for (int64_t i = 0; i < items; ++i) workers.emplace_back([&, i] { body(i, i + 1); });
    for (std::thread& worker : workers) worker.join();
  };
  return threads;
}

TEST(Threads, RunEveryItemOnce) {
  for (const Threads& threads : {Threads(), OneThreadPerItem(1), OneThreadPerItem(4)}) {
    for (int64_t items : {0, 1, 2, 7}) {
      std::vector<int> seen(items);
      threads.Run(items, 1, [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i) ++seen[i];
      });
      EXPECT_EQ(seen, std::vector<int>(items, 1));
    }
  }
}

TEST(Threads, BringLackOfMemoryToTheCaller) {
  const auto body = [](int64_t begin, int64_t) {
    if (begin == 2) throw std::bad_alloc();
  };
  EXPECT_THROW(OneThreadPerItem(4).Run(5, 1, body), std::bad_alloc);
}

}  // namespace
}  // namespace tfsparse
