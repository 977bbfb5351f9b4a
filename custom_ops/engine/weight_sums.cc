#include "custom_ops/engine/weight_sums.h"

#include <algorithm>
#include <cstdlib>
#include <limits>

namespace tfsparse {

Status SumWeights(const BlockSparseMatrix<int8_t>& m, const Threads& threads, WeightSums* acc) {
  std::vector<int64_t> sum(m.out), magnitude(m.out);
  const int64_t cost = m.num_blocks * m.block_out * m.block_in / (m.block_rows() + 1);
  threads.Run(m.block_rows(), cost, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      const int64_t first = row * m.block_out;
      const int64_t nr = std::min(m.block_out, m.out - first);
      for (int64_t b = m.indptr[row]; b < m.indptr[row + 1]; ++b) {
        const int64_t width = std::min(m.block_in, m.in - m.indices[b] * m.block_in);
        for (int64_t h = 0; h < nr; ++h) {
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
  int64_t max = 0;
  for (int64_t n = 0; n < m.out; ++n) {
    if (magnitude[n] > std::numeric_limits<int32_t>::max() / 255) {
      return Status::Invalid(
          "255 times the sum of an output's absolute int8 weights should fit in 32 bits. "
          "Received: a sum of ",
          magnitude[n], " for output ", n);
    }
    max = std::max(max, 255 * magnitude[n]);
  }
  acc->of_output.assign(sum.begin(), sum.end());
  acc->max = static_cast<int32_t>(max);
  return {};
}

}  // namespace tfsparse
