#include "custom_ops/base/shared_work.h"

#include <functional>
#include <new>
#include <thread>
#include <utility>
#include <vector>

#include "gtest/gtest.h"

namespace tfsparse {
namespace {

constexpr int64_t kWorthIt = 1 << 20;

// A thread for each closure.
struct Eager {
  ~Eager() {
    for (std::thread& thread : threads) thread.join();
  }
  void Schedule(std::function<void()> closure) { threads.emplace_back(std::move(closure)); }
  std::vector<std::thread> threads;
};

// Closures that run when the test says so, as those of a busy pool.
struct Late {
  void Schedule(std::function<void()> closure) { closures.push_back(std::move(closure)); }
  void RunAll() {
    for (const auto& closure : closures) closure();
    closures.clear();
  }
  std::vector<std::function<void()>> closures;
};

void ExpectEachOnce(const Threads& threads, int64_t items, int64_t cost) {
  std::vector<std::atomic<int>> seen(items);
  threads.Run(items, cost, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) ++seen[i];
  });
  for (int64_t i = 0; i < items; ++i) EXPECT_EQ(seen[i], 1) << i;
}

TEST(SharedWork, DoesEveryItemOnce) {
  for (int count : {1, 2, 5}) {
    Eager pool;
    const Threads threads = ShareAmong(count, &pool);
    for (int64_t items : {1, 2, 3, 100, 1001}) ExpectEachOnce(threads, items, kWorthIt);
    EXPECT_EQ(pool.threads.empty(), count == 1);
  }
}

TEST(SharedWork, WaitsForNobodyWhoHasNotBegun) {
  Late pool;
  const Threads threads = ShareAmong(3, &pool);
  ExpectEachOnce(threads, 50, kWorthIt);
  ExpectEachOnce(threads, 7, kWorthIt);
  EXPECT_EQ(pool.closures.size(), 4u);
}

// They come when the items, and the function that did them, are gone, in the middle of another
// call or after it.
TEST(SharedWork, LateHelpersFindNothing) {
  Late pool;
  const Threads threads = ShareAmong(3, &pool);
  ExpectEachOnce(threads, 50, kWorthIt);
  std::vector<int> seen(20);
  threads.Run(20, kWorthIt, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      ++seen[i];
      if (i == 10) pool.RunAll();  // of both calls: they help with what is left of this one
    }
  });
  EXPECT_EQ(seen, std::vector<int>(20, 1));
  pool.RunAll();
  ExpectEachOnce(threads, 50, kWorthIt);
  pool.RunAll();
}

// Memory for one closure, and none for a second.
TEST(SharedWork, GoesOnWithThoseItCouldTell) {
  struct Poor {
    void Schedule(std::function<void()> closure) {
      if (!pool.threads.empty()) throw std::bad_alloc();
      pool.Schedule(std::move(closure));
    }
    Eager pool;
  };
  Poor pool;
  const Threads threads = ShareAmong(3, &pool);
  ExpectEachOnce(threads, 1001, kWorthIt);
  ExpectEachOnce(threads, 5, kWorthIt);
}

TEST(SharedWork, LeavesLittleWorkToTheCaller) {
  Late pool;
  ExpectEachOnce(ShareAmong(3, &pool), 10, /*cost=*/10);
  EXPECT_TRUE(pool.closures.empty());
}

TEST(SharedWork, AnItemMayShareWorkItself) {
  Late pool;
  const Threads threads = ShareAmong(2, &pool);
  threads.Run(3, kWorthIt, [&](int64_t, int64_t) {
    pool.RunAll();
    ExpectEachOnce(threads, 5, kWorthIt);
  });
  pool.RunAll();
}

TEST(SharedWork, ServesManyCallersAtATime) {
  Eager pools[4];
  std::vector<std::thread> callers;
  for (Eager& pool : pools) {
    callers.emplace_back([&pool] {
      for (int i = 0; i < 50; ++i) ExpectEachOnce(ShareAmong(3, &pool), 20 + i, kWorthIt);
    });
  }
  for (std::thread& caller : callers) caller.join();
}

}  // namespace
}  // namespace tfsparse
