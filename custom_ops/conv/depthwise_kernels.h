#ifndef TFSPARSE_CUSTOM_OPS_CONV_DEPTHWISE_KERNELS_H_
#define TFSPARSE_CUSTOM_OPS_CONV_DEPTHWISE_KERNELS_H_

// What each instruction set offers for depthwise convolutions: depthwise_rows.h compiled for it.
// With 512 bits there is a kernel for few channels too, which takes 256: it wastes fewer lanes.

#include "custom_ops/conv/depthwise_args.h"

namespace tfsparse {

DepthwiseKernel DepthwiseAvx2();
DepthwiseKernel DepthwiseAvx2Vnni();
DepthwiseKernel DepthwiseAvx512();
DepthwiseKernel DepthwiseAvx512Narrow();
DepthwiseKernel DepthwiseAvx512Vnni();
DepthwiseKernel DepthwiseAvx512VnniNarrow();

}  // namespace tfsparse

#endif  // TFSPARSE_CUSTOM_OPS_CONV_DEPTHWISE_KERNELS_H_
