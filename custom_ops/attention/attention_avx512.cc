#include "custom_ops/attention/attention_avx512.h"

#include "custom_ops/attention/attention_f32.h"
#include "custom_ops/attention/attention_tile.h"
#include "custom_ops/attention/attention_vector_avx512.h"
#include "custom_ops/kernels/lanes_avx512.h"

namespace tfsparse {

void AttentionAvx512(const AttentionTileArgs& args) {
  RunTileOf<ScoresAsProducts<ProductsF32<VectorAvx512, false>>, LanesAvx512, 4>(args);
}

void AttentionBf16Avx512(const AttentionTileArgs& args) {
  RunTileOf<ScoresAsProducts<ProductsF32<VectorAvx512, true>>, LanesAvx512, 4>(args);
}

}  // namespace tfsparse
