#include "custom_ops/kernels/scale_shift_avx2.h"

#include "custom_ops/kernels/scale_shift.h"

namespace tfsparse {

void ScaleShiftAvx2(const ScaleShiftArgs& args) { ScaleShift(args); }

}  // namespace tfsparse
