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
  for (int64_t s = 0; s < num_strips(); s = ChunkEnd(s, num_strips())) {
    chunks_are_quads &= weights.strips[s].out % 4 == 0;
  }
  return {};
}

template struct PreparedMatmul<float>;
template struct PreparedMatmul<BFloat16>;
template struct PreparedMatmul<int8_t>;

}  // namespace tfsparse
