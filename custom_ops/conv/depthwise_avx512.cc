#include "custom_ops/conv/depthwise_kernels.h"
#include "custom_ops/conv/depthwise_vector_avx512.h"
#include "custom_ops/kernels/lanes_avx2.h"
#include "custom_ops/kernels/lanes_avx512.h"

namespace tfsparse {

DepthwiseKernel DepthwiseAvx512() { return KernelOf<DepthwiseVectorAvx512, LanesAvx512, 4>(); }

DepthwiseKernel DepthwiseAvx512Narrow() {
  return KernelOf<DepthwiseVectorAvx512Narrow, LanesAvx2, 4>();
}

}  // namespace tfsparse
