#include "custom_ops/conv/depthwise_kernels.h"
#include "custom_ops/conv/depthwise_vector_avx2.h"
#include "custom_ops/kernels/lanes_avx2.h"

namespace tfsparse {
namespace {

struct DepthwiseVectorAvx2Vnni : DepthwiseVectorAvx2 {
  static inline __attribute__((always_inline)) I32 DotQuads(I32 sum, I32 x, I32 w) {
    return _mm256_dpbusd_avx_epi32(sum, x, w);
  }
};

}  // namespace

DepthwiseKernel DepthwiseAvx2Vnni() { return KernelOf<DepthwiseVectorAvx2Vnni, LanesAvx2, 3>(); }

}  // namespace tfsparse
