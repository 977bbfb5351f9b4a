#include "custom_ops/matmul/prepared_matmul.h"

#include <algorithm>
#include <cstdlib>
#include <limits>
#include <type_traits>

#include "custom_ops/format/merged_quads.h"

namespace tfsparse {
namespace {

// A strip costs about this many groups beside its groups: beginning, storing and
// finishing its sums.
constexpr int64_t kStripOverhead = 16;

// Sums of the weights of each output; fails if sums of products with uint8 could leave
// int32.
Status SumWeights(const BlockSparseMatrix<int8_t>& m, const Threads& threads,
                  std::vector<int32_t>* sums) {
  std::vector<int64_t> sum(m.out), magnitude(m.out);
  const int64_t cost = m.num_blocks * m.block_out * m.block_in / (m.block_rows() + 1);
  threads.Run(m.block_rows(), cost, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      const int64_t first = row * m.block_out;
      const int64_t height = std::min(m.block_out, m.out - first);
      for (int64_t b = m.indptr[row]; b < m.indptr[row + 1]; ++b) {
        const int64_t width = std::min(m.block_in, m.in - m.indices[b] * m.block_in);
        for (int64_t h = 0; h < height; ++h) {
          int32_t block_sum = 0, block_magnitude = 0;
          for (int64_t i = 0; i < width; ++i) {
            const int32_t w = m.block(b)[h * m.block_in + i];
            block_sum += w;
            block_magnitude += std::abs(w);
          }
          sum[first + h] += block_sum;
          magnitude[first + h] += block_magnitude;
        }
      }
    }
  });
  for (int64_t n = 0; n < m.out; ++n) {
    if (magnitude[n] > std::numeric_limits<int32_t>::max() / 255) {
      return Status::Invalid(
          "255 times the sum of an output's absolute int8 weights should fit in 32 bits. "
          "Received: a sum of ",
          magnitude[n], " for output ", n);
    }
  }
  sums->assign(sum.begin(), sum.end());
  return {};
}

}  // namespace

template <typename T>
Status PreparedMatmul<T>::Prepare(const BlockSparseMatrix<T>& matrix, const Threads& threads) {
  if constexpr (std::is_same_v<T, int8_t>) {
    if (Status status = SumWeights(matrix, threads, &sums); !status.ok()) return status;
    weights = kernel.layout == Layout::kMergedQuads
                  ? PackMergedQuads(matrix, threads)
                  : Pack(matrix, kernel.layout, kernel.height, threads);
  } else {
    weights = Pack(matrix, kernel.layout, kernel.height, threads);
  }
  work.reserve(weights.strips.size() + 1);
  work.push_back(0);
  for (const Strip& strip : weights.strips) {
    work.push_back(work.back() + strip.groups + kStripOverhead);
  }
  return {};
}

template struct PreparedMatmul<float>;
template struct PreparedMatmul<int8_t>;

}  // namespace tfsparse
