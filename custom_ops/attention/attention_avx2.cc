#include "custom_ops/attention/attention_avx2.h"

#include "custom_ops/attention/attention_f32.h"
#include "custom_ops/attention/attention_tile.h"
#include "custom_ops/attention/attention_vector_avx2.h"
#include "custom_ops/kernels/lanes_avx2.h"

namespace tfsparse {

void AttentionAvx2(const AttentionTileArgs& args) {
  RunTileOf<ScoresAsProducts<ProductsF32<VectorAvx2, false>>, LanesAvx2, 2>(args);
}

void AttentionBf16Avx2(const AttentionTileArgs& args) {
  RunTileOf<ScoresAsProducts<ProductsF32<VectorAvx2, true>>, LanesAvx2, 2>(args);
}

}  // namespace tfsparse
