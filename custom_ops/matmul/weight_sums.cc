#include "custom_ops/matmul/weight_sums.h"

#include <algorithm>
#include <cstdlib>
#include <limits>

namespace tfsparse {

Status SumWeights(const BlockSparseMatrix<int8_t>& m, WeightSums* sums) {
  std::vector<int64_t> sum(m.out), magnitude(m.out);
  for (int64_t row = 0; row < m.block_rows(); ++row) {
    const int64_t first = row * m.block_out;
    const int64_t height = std::min(m.block_out, m.out - first);
    for (int64_t b = m.indptr[row]; b < m.indptr[row + 1]; ++b) {
      const int64_t width = std::min(m.block_in, m.in - m.indices[b] * m.block_in);
      for (int64_t h = 0; h < height; ++h) {
        for (int64_t i = 0; i < width; ++i) {
          const int64_t w = m.block(b)[h * m.block_in + i];
          sum[first + h] += w;
          magnitude[first + h] += std::abs(w);
        }
      }
    }
  }
  int64_t most = 0;
  for (int64_t n = 0; n < m.out; ++n) {
    if (magnitude[n] > std::numeric_limits<int32_t>::max() / 255) {
      return Status::Invalid(
          "255 times the sum of an output's absolute int8 weights should fit in 32 bits. "
          "Received: a sum of ",
          magnitude[n], " for output ", n);
    }
    most = std::max(most, 255 * magnitude[n]);
  }
  sums->of_output.assign(sum.begin(), sum.end());
  sums->most = static_cast<int32_t>(most);
  return {};
}

}  // namespace tfsparse
