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
Status SumWeights(const BlockSparseMatrix<int8_t>& m, std::vector<int32_t>* sums) {
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
Status PreparedMatmul<T>::Prepare(const BlockSparseMatrix<T>& matrix) {
  if constexpr (std::is_same_v<T, int8_t>) {
    if (Status status = SumWeights(matrix, &sums); !status.ok()) return status;
  }
  if constexpr (std::is_same_v<T, int8_t>) {
    weights = kernel.layout == Layout::kMergedQuads ? PackMergedQuads(matrix)
                                                    : Pack(matrix, kernel.layout, kernel.height);
  } else {
    weights = Pack(matrix, kernel.layout, kernel.height);
  }
  work.reserve(weights.strips.size() + 1);
  work.push_back(0);
  for (const Strip& strip : weights.strips) {
    work.push_back(work.back() + strip.groups + kStripOverhead);
  }
  return {};
}

// A group of the VNNI kernels takes about 0.5 + 0.36 * height in the unit of
// MergedQuadsCycles, and 0.75 more where it is gathered (measured for every height).
template <typename T>
int64_t PreparedMatmul<T>::cycles() const {
  if constexpr (std::is_same_v<T, int8_t>) {
    if (kernel.layout == Layout::kMergedQuads) return MergedQuadsCycles(weights);
  }
  int64_t groups = 0;
  for (const Strip& strip : weights.strips) groups += strip.groups;
  return groups * ((kernel.layout == Layout::kPlanes ? 125 : 50) + 36 * kernel.height) / 100;
}

template struct PreparedMatmul<float>;
template struct PreparedMatmul<int8_t>;

}  // namespace tfsparse
