#include "custom_ops/base/buffer_pool.h"

#include <cstdint>
#include <cstring>
#include <limits>
#include <thread>
#include <vector>

#include "gtest/gtest.h"

namespace tfsparse {
namespace {

constexpr size_t kMega = 1 << 20;

TEST(BufferPool, GivesAnEqualBufferAgain) {
  BufferPool pool;
  void* first = pool.Take(kMega);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(first) % 64, 0u);
  std::memset(first, 1, kMega);
  pool.Give(first);
  EXPECT_EQ(pool.free_bytes(), kMega);
  void* second = pool.Take(kMega - 1000);
  EXPECT_EQ(second, first);
  EXPECT_EQ(pool.free_bytes(), 0u);
  pool.Give(second);
}

TEST(BufferPool, GivesNoneThatIsTooSmallOrMuchTooLarge) {
  BufferPool pool;
  void* kept = pool.Take(8 * kMega);  // so that a megabyte may be free
  void* first = pool.Take(kMega);
  pool.Give(first);
  for (size_t bytes : {kMega + 1, kMega / 2}) {
    void* other = pool.Take(bytes);
    EXPECT_NE(other, first) << bytes;
    pool.Give(other);
  }
  pool.Give(kept);
}

TEST(BufferPool, GivesTheSmallestThatFitsAndOfThoseTheNewest) {
  BufferPool pool;
  void* large = pool.Take(kMega + kMega / 8);
  void* older = pool.Take(kMega);
  void* newer = pool.Take(kMega);
  pool.Give(older);
  pool.Give(newer);
  pool.Give(large);
  void* found = pool.Take(kMega - 1);
  EXPECT_EQ(found, newer);
  pool.Give(found);
}

TEST(BufferPool, HoldsHalfAsMuchAgainAsWasInUseAtOnce) {
  BufferPool pool;
  for (size_t bytes : {10 * kMega, 20 * kMega, 40 * kMega, 80 * kMega}) {
    void* memory = pool.Take(bytes);
    // The one before is half of it.
    EXPECT_EQ(pool.free_bytes(), bytes == 10 * kMega ? 0 : bytes / 2);
    pool.Give(memory);
    // Of 120 MB at the most, the oldest went.
    EXPECT_EQ(pool.free_bytes(), bytes == 10 * kMega ? bytes : bytes + bytes / 2);
  }
  // 80 and 40 are free; with 5 more taken the older one has to go.
  void* memory = pool.Take(5 * kMega);
  EXPECT_EQ(pool.free_bytes(), 80 * kMega);
  pool.Give(memory);
  EXPECT_EQ(pool.free_bytes(), 85 * kMega);
}

TEST(BufferPool, GivesBackWhatIsNotUsedAnyMore) {
  BufferPool pool;
  void* once = pool.Take(50 * kMega);
  void* often = pool.Take(kMega);
  pool.Give(once);
  for (int i = 0; i < 1000; ++i) {
    pool.Give(often);
    often = pool.Take(kMega);
  }
  EXPECT_EQ(pool.free_bytes(), 50 * kMega);
  for (int i = 0; i < 100; ++i) {
    pool.Give(often);
    often = pool.Take(kMega);
  }
  EXPECT_EQ(pool.free_bytes(), 0u);
  pool.Give(often);
}

TEST(BufferPool, RefusesWhatIsTooMuch) {
  BufferPool pool;
  EXPECT_EQ(pool.Take(std::numeric_limits<size_t>::max()), nullptr);
  EXPECT_EQ(pool.Take(std::numeric_limits<size_t>::max() / 4), nullptr);
  void* memory = pool.Take(kMega);
  ASSERT_NE(memory, nullptr);
  // What was refused was never in use.
  pool.Give(memory);
  EXPECT_EQ(pool.free_bytes(), kMega);
}

TEST(BufferPool, NothingIsABuffer) {
  BufferPool pool;
  void* memory = pool.Take(0);
  ASSERT_NE(memory, nullptr);
  pool.Give(memory);
  pool.Give(nullptr);
}

TEST(BufferPool, ManyThreadsShareIt) {
  BufferPool pool;
  const auto work = [&pool](int thread) {
    std::vector<unsigned char*> held;
    for (int i = 0; i < 500; ++i) {
      const size_t bytes = kMega / 8 * (1 + (i * (thread + 1)) % 5);
      auto* memory = static_cast<unsigned char*>(pool.Take(bytes));
      ASSERT_NE(memory, nullptr);
      memory[0] = memory[bytes - 1] = static_cast<unsigned char>(thread);
      held.push_back(memory);
      if (held.size() < 3) continue;
      // Nobody else has written it in the meantime.
      EXPECT_EQ(held.front()[0], thread);
      pool.Give(held.front());
      held.erase(held.begin());
    }
    for (unsigned char* memory : held) pool.Give(memory);
  };
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 4; ++thread) threads.emplace_back(work, thread);
  for (std::thread& each : threads) each.join();
}

}  // namespace
}  // namespace tfsparse
