#include "custom_ops/kernels/pack_avx2.h"

#include "custom_ops/kernels/pack_tiles.h"
#include "custom_ops/kernels/vector_avx2.h"

namespace tfsparse {

bool PackF32Avx2(const PackArgs& args) { return PackLanes<Avx2, Floats, IntoLanes>(args); }
bool RoundPlanesAvx2(const PackArgs& args) {
  return PackLanes<Avx2, RoundedFloats, IntoLanes>(args);
}

bool PackU8QuadsAvx2(const PackArgs& args) { return PackLanes<Avx2, FromU8, IntoQuads>(args); }
bool PackU8PlanesAvx2(const PackArgs& args) { return PackLanes<Avx2, FromU8, IntoPlanes>(args); }
bool PackU8PairsAvx2(const PackArgs& args) { return PackLanes<Avx2, FromU8, IntoPairs>(args); }
bool PackU8WidePlanesAvx2(const PackArgs& args) {
  return PackLanes<Avx2, FromU8, IntoWidePlanes>(args);
}
bool QuantizeQuadsAvx2(const PackArgs& args) { return PackLanes<Avx2, FromF32, IntoQuads>(args); }
bool QuantizePlanesAvx2(const PackArgs& args) { return PackLanes<Avx2, FromF32, IntoPlanes>(args); }
bool QuantizePairsAvx2(const PackArgs& args) { return PackLanes<Avx2, FromF32, IntoPairs>(args); }
bool QuantizeWidePlanesAvx2(const PackArgs& args) {
  return PackLanes<Avx2, FromF32, IntoWidePlanes>(args);
}

}  // namespace tfsparse
