#include "custom_ops/kernels/isa/avx512.h"
#include "custom_ops/kernels/pack/pack_tiles.h"
#include "custom_ops/kernels/vector_avx512.h"

namespace tfsparse {

bool PackF32Avx512(const PackArgs& args) { return PackLanes<Avx512, Floats, IntoLanes>(args); }
bool RoundInterleave1Avx512(const PackArgs& args) {
  return PackLanes<Avx512, RoundedFloats, IntoLanes>(args);
}

bool PackU8Interleave4Avx512(const PackArgs& args) {
  return PackLanes<Avx512, FromU8, IntoInterleave4>(args);
}
bool PackU8Interleave1Avx512(const PackArgs& args) {
  return args.vectors == 1 ? PackLanes<Avx512, FromU8, IntoInterleave1OfOneVector>(args)
                           : PackLanes<Avx512, FromU8, IntoInterleave1>(args);
}
bool PackU8Interleave2Avx512(const PackArgs& args) {
  return PackLanes<Avx512, FromU8, IntoInterleave2>(args);
}
bool PackU8Interleave1WideAvx512(const PackArgs& args) {
  return PackLanes<Avx512, FromU8, IntoInterleave1Wide>(args);
}
bool QuantizeInterleave4Avx512(const PackArgs& args) {
  return PackLanes<Avx512, FromF32, IntoInterleave4>(args);
}
bool QuantizeInterleave1Avx512(const PackArgs& args) {
  return args.vectors == 1 ? PackLanes<Avx512, FromF32, IntoInterleave1OfOneVector>(args)
                           : PackLanes<Avx512, FromF32, IntoInterleave1>(args);
}
bool QuantizeInterleave2Avx512(const PackArgs& args) {
  return PackLanes<Avx512, FromF32, IntoInterleave2>(args);
}
bool QuantizeInterleave1WideAvx512(const PackArgs& args) {
  return PackLanes<Avx512, FromF32, IntoInterleave1Wide>(args);
}
bool RoundRowsAvx512(const PackArgs& args) { return PackRows<Avx512, RoundedFloats>(args); }
bool PackU8RowsAvx512(const PackArgs& args) { return PackRows<Avx512, FromU8>(args); }
bool QuantizeRowsAvx512(const PackArgs& args) { return PackRows<Avx512, FromF32>(args); }

}  // namespace tfsparse
