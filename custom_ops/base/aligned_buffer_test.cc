#include "custom_ops/base/aligned_buffer.h"

#include <cstdint>

#include "gtest/gtest.h"

namespace tfsparse {
namespace {

TEST(AlignedBuffer, StartsOnACacheLineAndIsZero) {
  for (int64_t size : {0, 1, 63, 64, 65, 1000}) {
    const AlignedBuffer<uint8_t> buffer(size);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(buffer.data()) % kAlignment, 0u);
    // A register's worth behind the end may be read, and is zero as well.
    for (int64_t i = 0; size > 0 && i < size + 64; ++i) EXPECT_EQ(buffer.data()[i], 0) << i;
  }
}

TEST(AlignedBuffer, GrowsAndNeverShrinks) {
  AlignedBuffer<float> buffer(10);
  const float* before = buffer.data();
  buffer.Reserve(5);
  EXPECT_EQ(buffer.data(), before);
  EXPECT_EQ(buffer.size(), 10);
  buffer.Reserve(100000);
  EXPECT_EQ(buffer.size(), 100000);
  buffer.data()[99999] = 1;
}

}  // namespace
}  // namespace tfsparse
