#include "custom_ops/kernels/pack_avx512.h"

#include "custom_ops/kernels/pack_tiles.h"
#include "custom_ops/kernels/vector_avx512.h"

namespace tfsparse {

bool PackF32Avx512(const PackArgs& args) { return PackLanes<Avx512, Floats, IntoLanes>(args); }
bool RoundPlanesAvx512(const PackArgs& args) {
  return PackLanes<Avx512, RoundedFloats, IntoLanes>(args);
}

bool PackU8QuadsAvx512(const PackArgs& args) { return PackLanes<Avx512, FromU8, IntoQuads>(args); }
bool PackU8PlanesAvx512(const PackArgs& args) {
  return args.vectors == 1 ? PackLanes<Avx512, FromU8, IntoNarrowPlanes>(args)
                           : PackLanes<Avx512, FromU8, IntoPlanes>(args);
}
bool PackU8PairsAvx512(const PackArgs& args) { return PackLanes<Avx512, FromU8, IntoPairs>(args); }
bool PackU8WidePlanesAvx512(const PackArgs& args) {
  return PackLanes<Avx512, FromU8, IntoWidePlanes>(args);
}
bool QuantizeQuadsAvx512(const PackArgs& args) {
  return PackLanes<Avx512, FromF32, IntoQuads>(args);
}
bool QuantizePlanesAvx512(const PackArgs& args) {
  return args.vectors == 1 ? PackLanes<Avx512, FromF32, IntoNarrowPlanes>(args)
                           : PackLanes<Avx512, FromF32, IntoPlanes>(args);
}
bool QuantizePairsAvx512(const PackArgs& args) {
  return PackLanes<Avx512, FromF32, IntoPairs>(args);
}
bool QuantizeWidePlanesAvx512(const PackArgs& args) {
  return PackLanes<Avx512, FromF32, IntoWidePlanes>(args);
}
bool RoundRowsAvx512(const PackArgs& args) { return PackRows<Avx512, RoundedFloats>(args); }
bool PackU8RowsAvx512(const PackArgs& args) { return PackRows<Avx512, FromU8>(args); }
bool QuantizeRowsAvx512(const PackArgs& args) { return PackRows<Avx512, FromF32>(args); }

}  // namespace tfsparse
