#include "custom_ops/conv/depthwise_kernels.h"
#include "custom_ops/conv/depthwise_vector_avx512.h"
#include "custom_ops/kernels/lanes_avx2.h"
#include "custom_ops/kernels/lanes_avx512.h"

namespace tfsparse {
namespace {

struct DepthwiseVectorAvx512Vnni : DepthwiseVectorAvx512 {
  static inline __attribute__((always_inline)) I32 DotQuads(I32 sum, I32 x, I32 w) {
    return _mm512_dpbusd_epi32(sum, x, w);
  }
};

struct DepthwiseVectorAvx512VnniNarrow : DepthwiseVectorAvx512Narrow {
  static inline __attribute__((always_inline)) I32 DotQuads(I32 sum, I32 x, I32 w) {
    return _mm256_dpbusd_epi32(sum, x, w);
  }
};

}  // namespace

DepthwiseKernel DepthwiseAvx512Vnni() {
  return KernelOf<DepthwiseVectorAvx512Vnni, LanesAvx512, 7>();
}

DepthwiseKernel DepthwiseAvx512VnniNarrow() {
  return KernelOf<DepthwiseVectorAvx512VnniNarrow, LanesAvx2, 7>();
}

}  // namespace tfsparse
