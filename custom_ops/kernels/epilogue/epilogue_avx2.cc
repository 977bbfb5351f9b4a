#include "custom_ops/kernels/epilogue/epilogue_tiles.h"
#include "custom_ops/kernels/isa/avx2.h"
#include "custom_ops/kernels/lanes_avx2.h"
#include "custom_ops/kernels/vector_avx2.h"

namespace tfsparse {

void EpilogueF32Avx2(const EpilogueArgs& args) { EpilogueF32<Avx2, LanesAvx2>(args); }
void EpilogueS32ToF32Avx2(const EpilogueArgs& args) { EpilogueS32ToF32<Avx2, LanesAvx2>(args); }
void EpilogueS32ToU8Avx2(const EpilogueArgs& args) { EpilogueS32ToU8<Avx2, LanesAvx2>(args); }

}  // namespace tfsparse
