// Scores of uint8 queries and keys as products of bytes (attention_bytes.h), and the second product
// in float, of operands that are rounded to bfloat16: for processors with VNNI whose VDPBF16PS is
// missing or no faster than two multiply-adds of floats. Other queries and keys have both in float.

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
