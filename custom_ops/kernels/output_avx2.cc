#include "custom_ops/kernels/output_avx2.h"

#include "custom_ops/kernels/lanes_avx2.h"
#include "custom_ops/kernels/output_tiles.h"
#include "custom_ops/kernels/vector_avx2.h"

namespace tfsparse {

void OutputF32Avx2(const OutputArgs& args) { OutputF32<Avx2, LanesAvx2>(args); }
void OutputS32ToF32Avx2(const OutputArgs& args) { OutputS32ToF32<Avx2, LanesAvx2>(args); }
void OutputS32ToU8Avx2(const OutputArgs& args) { OutputS32ToU8<Avx2, LanesAvx2>(args); }

}  // namespace tfsparse
