#include "custom_ops/kernels/pack_sums_avx2.h"

#include "custom_ops/kernels/lanes_avx2.h"
#include "custom_ops/kernels/pack_sums.h"
#include "custom_ops/kernels/vector_avx2.h"

namespace tfsparse {

bool PackSumsF32Avx2(const OutputArgs& args) { return PackSumsAsFloats<Avx2, LanesAvx2>(args); }
bool PackSumsRoundedAvx2(const OutputArgs& args) {
  return PackSumsAsFloats<Avx2, LanesAvx2, true>(args);
}
bool PackSumsQuadsAvx2(const OutputArgs& args) {
  return PackSumsAsBytes<Avx2, LanesAvx2, IntoQuads>(args);
}
bool PackSumsPairsAvx2(const OutputArgs& args) {
  return PackSumsAsBytes<Avx2, LanesAvx2, IntoPairs>(args);
}
bool PackSumsPlanesAvx2(const OutputArgs& args) {
  return PackSumsAsBytes<Avx2, LanesAvx2, IntoPlanes>(args);
}
bool PackSumsWidePlanesAvx2(const OutputArgs& args) {
  return PackSumsAsBytes<Avx2, LanesAvx2, IntoWidePlanes>(args);
}

}  // namespace tfsparse
