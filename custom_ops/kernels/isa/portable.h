#ifndef TFSPARSE_CUSTOM_OPS_KERNELS_ISA_PORTABLE_H_
#define TFSPARSE_CUSTOM_OPS_KERNELS_ISA_PORTABLE_H_

#include "custom_ops/kernels/kernel_args.h"

namespace tfsparse {

// All three steps in plain C++, for processors without AVX2. Same tiles,
// same panels, same answers: the compiler vectorises what it can.

bool PackF32Portable(const PackArgs& args);
bool RoundInterleave1Portable(const PackArgs& args);  // to bfloat16, as float
bool PackU8Interleave4Portable(const PackArgs& args);
bool QuantizeInterleave4Portable(const PackArgs& args);
bool PackU8Interleave1Portable(const PackArgs& args);
bool QuantizeInterleave1Portable(const PackArgs& args);
bool QuantizeRowsPortable(const PackArgs& args);  // rows as they are (kGemvPadding)

MultiplyFunction MultiplyF32Portable(int nr, int vectors);
MultiplyFunction MultiplyBf16Interleave1Portable(int nr, int vectors);
MultiplyFunction MultiplyInterleave4Portable(int nr, int vectors);
MultiplyFunction MultiplyGatheredPortable(int nr, int vectors);

void EpilogueF32Portable(const EpilogueArgs& args);
void EpilogueS32ToF32Portable(const EpilogueArgs& args);
void EpilogueS32ToU8Portable(const EpilogueArgs& args);

}  // namespace tfsparse

#endif  // TFSPARSE_CUSTOM_OPS_KERNELS_ISA_PORTABLE_H_
