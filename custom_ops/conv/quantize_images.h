#ifndef TFSPARSE_CUSTOM_OPS_CONV_QUANTIZE_IMAGES_H_
#define TFSPARSE_CUSTOM_OPS_CONV_QUANTIZE_IMAGES_H_

// Float images as uint8, once for all the taps that read a pixel.

#include <cstdint>

#include "custom_ops/base/parallel_for.h"
#include "custom_ops/engine/layer_call.h"
#include "custom_ops/kernels/kernel_args.h"

namespace tfsparse {

// The same call with x, `size` floats, quantized by its x_scale and x_zero_point. The bytes lie in
// the workspace of this thread.
LayerCall QuantizeImages(const LayerCall& call, int64_t size, PackFunction quantize_rows,
                         const Threads& threads);

}  // namespace tfsparse

#endif  // TFSPARSE_CUSTOM_OPS_CONV_QUANTIZE_IMAGES_H_
