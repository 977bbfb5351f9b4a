#ifndef TFSPARSE_CUSTOM_OPS_KERNELS_PORTABLE_H_
#define TFSPARSE_CUSTOM_OPS_KERNELS_PORTABLE_H_

#include "custom_ops/kernels/kernel_args.h"

namespace tfsparse {

// All three steps in plain C++, for processors without AVX2. Same tiles,
// same strips, same answers: the compiler vectorises what it can.

bool PackF32Portable(const PackArgs& args);
bool RoundPlanesPortable(const PackArgs& args);  // to bfloat16, as float
bool PackU8QuadsPortable(const PackArgs& args);
bool QuantizeQuadsPortable(const PackArgs& args);
bool PackU8PlanesPortable(const PackArgs& args);
bool QuantizePlanesPortable(const PackArgs& args);

MultiplyFunction MultiplyF32Portable(int height, int vectors);
MultiplyFunction MultiplyBf16PlanesPortable(int height, int vectors);
MultiplyFunction MultiplyQuadsPortable(int height, int vectors);
MultiplyFunction MultiplyGatheredPortable(int height, int vectors);

void OutputF32Portable(const OutputArgs& args);
void OutputS32ToF32Portable(const OutputArgs& args);
void OutputS32ToU8Portable(const OutputArgs& args);

}  // namespace tfsparse

#endif  // TFSPARSE_CUSTOM_OPS_KERNELS_PORTABLE_H_
