#include "custom_ops/engine/packed_layer.h"

#include <type_traits>

#include "custom_ops/format/amx_tiles.h"

namespace tfsparse {
namespace {

// A panel costs about this many groups beside its groups: beginning, storing and
// finishing its sums.
constexpr int64_t kPanelOverhead = 16;

}  // namespace

template <typename T>
Status PackedLayer<T>::Prepare(const BlockSparseMatrix<T>& matrix, const Threads& threads) {
  if constexpr (std::is_same_v<T, int8_t>) {
    if (Status status = SumWeights(matrix, threads, &weight_sums); !status.ok()) return status;
    weights = kernel.format.packing == WeightPacking::kAmxTiles
                  ? PackAmxTiles(matrix, threads)
                  : Pack(matrix, kernel.format, threads);
  } else {
    weights = Pack(matrix, kernel.format, threads);
  }
  work.reserve(weights.panels.size() + 1);
  work.push_back(0);
  for (const Panel& panel : weights.panels) {
    work.push_back(work.back() + panel.groups + kPanelOverhead);
  }
  for (int64_t s = 0; s < num_panels(); s = NBlockEnd(s, num_panels())) {
    n_blocks_are_quads &= weights.panels[s].out % 4 == 0;
  }
  return {};
}

template struct PackedLayer<float>;
template struct PackedLayer<BFloat16>;
template struct PackedLayer<int8_t>;

}  // namespace tfsparse
