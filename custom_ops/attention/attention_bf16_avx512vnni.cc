// This is for processors with VNNI whose VDPBF16PS is missing or slow. Scores of uint8 queries and
// keys are products of bytes (attention_bytes.h). All other products are of floats that were
// rounded to bfloat16.

#include "custom_ops/attention/attention_bf16_avx512vnni.h"

#include "custom_ops/attention/attention_bytes.h"
#include "custom_ops/attention/attention_f32.h"
#include "custom_ops/attention/attention_tile.h"
#include "custom_ops/attention/attention_vector_avx512.h"
#include "custom_ops/kernels/lanes_avx512.h"

namespace tfsparse {
namespace {

using Products = ProductsF32<VectorAvx512, true>;

}  // namespace

void AttentionBf16Avx512Vnni(const AttentionTileArgs& args) {
  if (HasByteScores(args)) return RunTileOf<ScoresOfBytes<Products>, LanesAvx512, 4>(args);
  RunTileOf<ScoresAsProducts<Products>, LanesAvx512, 4>(args);
}

}  // namespace tfsparse
