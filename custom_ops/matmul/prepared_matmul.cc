#include "custom_ops/matmul/prepared_matmul.h"

#include <type_traits>

#include "custom_ops/format/merged_quads.h"

namespace tfsparse {
namespace {

// A strip costs about this many groups beside its groups: beginning, storing and
// finishing its sums.
constexpr int64_t kStripOverhead = 16;

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
  for (int64_t s = 0; s < num_strips(); s = ChunkEnd(s, num_strips())) {
    chunks_are_quads &= weights.strips[s].out % 4 == 0;
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
