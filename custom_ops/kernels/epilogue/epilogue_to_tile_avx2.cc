#include "custom_ops/kernels/epilogue/epilogue_to_tile.h"
#include "custom_ops/kernels/isa/avx2.h"
#include "custom_ops/kernels/lanes_avx2.h"
#include "custom_ops/kernels/vector_avx2.h"

namespace tfsparse {

bool EpilogueToTileF32Avx2(const EpilogueArgs& args) {
  return EpilogueToTileAsFloats<Avx2, LanesAvx2>(args);
}
bool EpilogueToTileRoundedAvx2(const EpilogueArgs& args) {
  return EpilogueToTileAsFloats<Avx2, LanesAvx2, true>(args);
}
bool EpilogueToTileInterleave4Avx2(const EpilogueArgs& args) {
  return EpilogueToTileAsBytes<Avx2, LanesAvx2, IntoInterleave4>(args);
}
bool EpilogueToTileInterleave2Avx2(const EpilogueArgs& args) {
  return EpilogueToTileAsBytes<Avx2, LanesAvx2, IntoInterleave2>(args);
}
bool EpilogueToTileInterleave1Avx2(const EpilogueArgs& args) {
  return EpilogueToTileAsBytes<Avx2, LanesAvx2, IntoInterleave1>(args);
}
bool EpilogueToTileInterleave1WideAvx2(const EpilogueArgs& args) {
  return EpilogueToTileAsBytes<Avx2, LanesAvx2, IntoInterleave1Wide>(args);
}

}  // namespace tfsparse
