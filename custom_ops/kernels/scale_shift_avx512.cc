#include "custom_ops/kernels/scale_shift_avx512.h"

#include "custom_ops/kernels/scale_shift.h"

namespace tfsparse {

void ScaleShiftAvx512(const ScaleShiftArgs& args) { ScaleShift(args); }

}  // namespace tfsparse
