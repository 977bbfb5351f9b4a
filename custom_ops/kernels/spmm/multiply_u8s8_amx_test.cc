// Sanitizers do not see the loads and stores of tile registers. Here every array ends
// where a page that nothing may touch begins, and what lies before it is a sentinel.

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <random>
#include <vector>

#include "custom_ops/base/cpu_features.h"
#include "custom_ops/format/amx_tiles.h"
#include "custom_ops/format/random_matrix.h"
#include "custom_ops/format/unpack.h"
#include "custom_ops/kernels/isa/amx.h"
#include "custom_ops/kernels/reference.h"
#include "gtest/gtest.h"

namespace tfsparse {
namespace {

// An array that ends where a forbidden page begins. `size` is a multiple of 64 bytes
// wherever T's alignment to a cache line matters.
template <typename T>
class Guarded {
 public:
  explicit Guarded(int64_t size) {
    const int64_t page = sysconf(_SC_PAGESIZE);
    const int64_t bytes = size * static_cast<int64_t>(sizeof(T));
    usable_ = (bytes + page - 1) / page * page;
    mapped_ = usable_ + page;
    memory_ = static_cast<uint8_t*>(
        mmap(nullptr, mapped_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    if (memory_ == MAP_FAILED || mprotect(memory_ + usable_, page, PROT_NONE) != 0) std::abort();
    std::memset(memory_, kSentinel, usable_);
    data_ = reinterpret_cast<T*>(memory_ + usable_ - bytes);
  }
  ~Guarded() { munmap(memory_, mapped_); }
  Guarded(const Guarded&) = delete;
  Guarded& operator=(const Guarded&) = delete;

  T* data() { return data_; }
  bool Intact() const {
    const uint8_t* end = reinterpret_cast<const uint8_t*>(data_);
    return std::all_of(const_cast<const uint8_t*>(memory_), end,
                       [](uint8_t byte) { return byte == kSentinel; });
  }

 private:
  static constexpr uint8_t kSentinel = 0xa5;
  uint8_t* memory_;
  int64_t usable_, mapped_;
  T* data_;
};

void Check(const RandomMatrix<int8_t>& matrix, int vectors) {
  const PackedWeights<int8_t> packed = PackAmxTiles(matrix.view());
  const std::vector<int8_t> dense = Unpack(matrix.view());
  const int64_t in = packed.in, rows = vectors * kLanes;
  const int64_t panels = static_cast<int64_t>(packed.panels.size());
  std::mt19937 random(5);

  Guarded<uint8_t> tile((in + 63) / 64 * 64 * rows);
  std::vector<uint8_t> x(in * rows);  // [k][m]
  std::fill_n(tile.data(), (in + 63) / 64 * 64 * rows, 255);
  for (int64_t k = 0; k < in; ++k) {
    for (int64_t m = 0; m < rows; ++m) {
      x[k * rows + m] = tile.data()[(k / 4 * rows + m) * 4 + k % 4] =
          static_cast<uint8_t>(random() % 256);
    }
  }
  Guarded<int32_t> columns(packed.columns.size());
  Guarded<int8_t> values(packed.values.size());
  std::copy_n(packed.columns.data(), packed.columns.size(), columns.data());
  std::copy_n(packed.values.data(), packed.values.size(), values.data());
  Guarded<int32_t> acc_init(panels * kTileOutputs), acc(panels * kTileOutputs * rows);
  for (int64_t n = 0; n < panels * kTileOutputs; ++n) {
    acc_init.data()[n] = n % 64 >= 32 ? 0 : static_cast<int32_t>(random() % 1000);
  }

  MultiplyArgs args = {};
  args.tile = tile.data();
  args.columns = columns.data();
  args.values = values.data();
  args.panels = packed.panels.data();
  args.num_panels = panels;
  args.acc_init = acc_init.data();
  args.acc = acc.data();
  BeginAmx();
  MultiplyAmx(kTileOutputs, vectors)(args);
  EndAmx();

  EXPECT_TRUE(acc.Intact());
  for (int64_t n = 0; n < packed.out; ++n) {
    for (int64_t m = 0; m < rows; ++m) {
      int32_t sum = acc_init.data()[n];
      for (int64_t k = 0; k < in; ++k) sum += x[k * rows + m] * dense[n * in + k];
      ASSERT_EQ(acc.data()[n * rows + m], sum) << "output " << n << ", row " << m;
    }
  }
}

TEST(MultiplyAmx, StaysInsideItsArrays) {
  if (!GetCpuFeatures().amx) GTEST_SKIP() << "this processor has no AMX";
  for (int vectors : {1, 2, 3}) {
    for (int64_t in : {1, 63, 64, 65, 700}) {
      for (double sparsity : {0.0, 0.6, 0.9, 0.98, 1.0}) {
        for (const auto& [block_out, block_in] :
             {std::pair<int64_t, int64_t>{16, 4}, {4, 1}, {1, 1}, {5, 3}}) {
          SCOPED_TRACE(testing::Message() << vectors << " vectors, " << in << " inputs, "
                                          << block_out << "x" << block_in << ", " << sparsity);
          Check(RandomMatrix<int8_t>(70, in, block_out, block_in, sparsity, 9), vectors);
        }
      }
    }
  }
}

TEST(MultiplyAmx, HasNoOtherSizes) {
  EXPECT_EQ(MultiplyAmx(8, 1), nullptr);
  EXPECT_EQ(MultiplyAmx(kTileOutputs, 4), nullptr);
}

}  // namespace
}  // namespace tfsparse
