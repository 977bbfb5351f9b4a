#include "custom_ops/kernels/epilogue/epilogue_to_tile.h"
#include "custom_ops/kernels/isa/avx512.h"
#include "custom_ops/kernels/lanes_avx512.h"
#include "custom_ops/kernels/vector_avx512.h"

namespace tfsparse {

bool EpilogueToTileF32Avx512(const EpilogueArgs& args) {
  return EpilogueToTileAsFloats<Avx512, LanesAvx512>(args);
}
bool EpilogueToTileRoundedAvx512(const EpilogueArgs& args) {
  return EpilogueToTileAsFloats<Avx512, LanesAvx512, true>(args);
}
bool EpilogueToTileInterleave4Avx512(const EpilogueArgs& args) {
  return EpilogueToTileAsBytes<Avx512, LanesAvx512, IntoInterleave4>(args);
}
bool EpilogueToTileInterleave2Avx512(const EpilogueArgs& args) {
  return EpilogueToTileAsBytes<Avx512, LanesAvx512, IntoInterleave2>(args);
}
bool EpilogueToTileInterleave1Avx512(const EpilogueArgs& args) {
  return args.vectors == 1
             ? EpilogueToTileAsBytes<Avx512, LanesAvx512, IntoInterleave1OfOneVector>(args)
             : EpilogueToTileAsBytes<Avx512, LanesAvx512, IntoInterleave1>(args);
}
bool EpilogueToTileInterleave1WideAvx512(const EpilogueArgs& args) {
  return EpilogueToTileAsBytes<Avx512, LanesAvx512, IntoInterleave1Wide>(args);
}

}  // namespace tfsparse
