#include "custom_ops/kernels/isa/avx2.h"
#include "custom_ops/kernels/pack/pack_tiles.h"
#include "custom_ops/kernels/vector_avx2.h"

namespace tfsparse {

bool PackF32Avx2(const PackArgs& args) { return PackLanes<Avx2, Floats, IntoLanes>(args); }
bool RoundInterleave1Avx2(const PackArgs& args) {
  return PackLanes<Avx2, RoundedFloats, IntoLanes>(args);
}

bool PackU8Interleave4Avx2(const PackArgs& args) {
  return PackLanes<Avx2, FromU8, IntoInterleave4>(args);
}
bool PackU8Interleave1Avx2(const PackArgs& args) {
  return PackLanes<Avx2, FromU8, IntoInterleave1>(args);
}
bool PackU8Interleave2Avx2(const PackArgs& args) {
  return PackLanes<Avx2, FromU8, IntoInterleave2>(args);
}
bool PackU8Interleave1WideAvx2(const PackArgs& args) {
  return PackLanes<Avx2, FromU8, IntoInterleave1Wide>(args);
}
bool QuantizeRowsAvx2(const PackArgs& args) { return PackRows<Avx2, FromF32>(args); }
bool QuantizeInterleave4Avx2(const PackArgs& args) {
  return PackLanes<Avx2, FromF32, IntoInterleave4>(args);
}
bool QuantizeInterleave1Avx2(const PackArgs& args) {
  return PackLanes<Avx2, FromF32, IntoInterleave1>(args);
}
bool QuantizeInterleave2Avx2(const PackArgs& args) {
  return PackLanes<Avx2, FromF32, IntoInterleave2>(args);
}
bool QuantizeInterleave1WideAvx2(const PackArgs& args) {
  return PackLanes<Avx2, FromF32, IntoInterleave1Wide>(args);
}

}  // namespace tfsparse
