#include "custom_ops/kernels/pack_sums_avx512.h"

#include "custom_ops/kernels/lanes_avx512.h"
#include "custom_ops/kernels/pack_sums.h"
#include "custom_ops/kernels/vector_avx512.h"

namespace tfsparse {

bool PackSumsF32Avx512(const OutputArgs& args) {
  return PackSumsAsFloats<Avx512, LanesAvx512>(args);
}
bool PackSumsRoundedAvx512(const OutputArgs& args) {
  return PackSumsAsFloats<Avx512, LanesAvx512, true>(args);
}
bool PackSumsQuadsAvx512(const OutputArgs& args) {
  return PackSumsAsBytes<Avx512, LanesAvx512, IntoQuads>(args);
}
bool PackSumsPairsAvx512(const OutputArgs& args) {
  return PackSumsAsBytes<Avx512, LanesAvx512, IntoPairs>(args);
}
bool PackSumsPlanesAvx512(const OutputArgs& args) {
  return args.vectors == 1 ? PackSumsAsBytes<Avx512, LanesAvx512, IntoNarrowPlanes>(args)
                           : PackSumsAsBytes<Avx512, LanesAvx512, IntoPlanes>(args);
}
bool PackSumsWidePlanesAvx512(const OutputArgs& args) {
  return PackSumsAsBytes<Avx512, LanesAvx512, IntoWidePlanes>(args);
}

}  // namespace tfsparse
