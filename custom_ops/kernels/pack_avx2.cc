#include "custom_ops/kernels/pack_avx2.h"

#include "custom_ops/kernels/pack_tiles.h"
#include "custom_ops/kernels/vector_avx2.h"

namespace tfsparse {

bool PackF32Avx2(const PackArgs& args) { return PackF32<Avx2>(args); }

bool PackU8QuadsAvx2(const PackArgs& args) { return PackQuads<Avx2, FromU8>(args); }
bool PackU8PlanesAvx2(const PackArgs& args) { return PackPlanes<Avx2, FromU8>(args); }
bool PackU8PairsAvx2(const PackArgs& args) { return PackPairs<Avx2, FromU8>(args); }
bool PackU8WidePlanesAvx2(const PackArgs& args) { return PackWidePlanes<Avx2, FromU8>(args); }
bool QuantizeQuadsAvx2(const PackArgs& args) { return PackQuads<Avx2, FromF32>(args); }
bool QuantizePlanesAvx2(const PackArgs& args) { return PackPlanes<Avx2, FromF32>(args); }
bool QuantizePairsAvx2(const PackArgs& args) { return PackPairs<Avx2, FromF32>(args); }
bool QuantizeWidePlanesAvx2(const PackArgs& args) { return PackWidePlanes<Avx2, FromF32>(args); }

}  // namespace tfsparse
