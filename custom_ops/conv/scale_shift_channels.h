#ifndef TFSPARSE_CUSTOM_OPS_CONV_SCALE_SHIFT_CHANNELS_H_
#define TFSPARSE_CUSTOM_OPS_CONV_SCALE_SHIFT_CHANNELS_H_

// What stands between images and a convolution behind it, as in DenseNet: BatchNorm and ReLU.
// kernels/scale_shift.h is the definition.

#include "custom_ops/base/parallel_for.h"
#include "custom_ops/engine/isa.h"
#include "custom_ops/kernels/scale_shift_args.h"

namespace tfsparse {

// All pixels of `args`, shared out among threads. The same bits on every isa.
void ScaleShiftChannels(const ScaleShiftArgs& args, Isa isa, const Threads& threads);

}  // namespace tfsparse

#endif  // TFSPARSE_CUSTOM_OPS_CONV_SCALE_SHIFT_CHANNELS_H_
