#include "custom_ops/conv/depthwise_kernels.h"
#include "custom_ops/conv/depthwise_vector_avx2.h"
#include "custom_ops/kernels/lanes_avx2.h"

namespace tfsparse {

DepthwiseKernel DepthwiseAvx2() { return KernelOf<DepthwiseVectorAvx2, LanesAvx2, 2>(); }

}  // namespace tfsparse
