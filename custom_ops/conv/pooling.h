#ifndef TFSPARSE_CUSTOM_OPS_CONV_POOLING_H_
#define TFSPARSE_CUSTOM_OPS_CONV_POOLING_H_

// Pooling of uint8 images, NHWC, so that what is between two quantized convolutions stays uint8:
// TensorFlow pools floats alone. x and y have one scale and one zero point, whatever they are.
//
//   maximum   of the places of a window that are in the image
//   average   round(sum / count) of them, half to even
//
// Padding is in no window, as in TensorFlow.

#include <cstdint>

#include "custom_ops/base/parallel_for.h"
#include "custom_ops/base/status.h"
#include "custom_ops/conv/conv_geometry.h"

namespace tfsparse {

enum class Pooling { kMax, kAverage };

struct PoolCall {
  Pooling pooling = Pooling::kMax;
  int64_t batch = 0;
  ConvAxis height;  // its kernel is the window, without dilation
  ConvAxis width;
  int64_t channels = 0;
  const uint8_t* x = nullptr;  // [batch, height, width, channels]
  uint8_t* y = nullptr;        // [batch, height.out(), width.out(), channels]
};

// Fails where ValidateAxis does, where a window could lie in the padding alone, and where sums of a
// window do not fit in 32 bits.
Status ValidatePooling(const ConvAxis& height, const ConvAxis& width);

// Runs a call that has been validated.
void Pool(const PoolCall& call, const Threads& threads);

}  // namespace tfsparse

#endif  // TFSPARSE_CUSTOM_OPS_CONV_POOLING_H_
