#include "custom_ops/fuzz/targets.h"

#include <vector>

namespace tfsparse {

const std::vector<Target>& Targets() {
  static const std::vector<Target> targets = {
      {"matmul_f32", FuzzMatmul<float>},
      {"matmul_bf16", FuzzMatmul<BFloat16>},
      {"matmul_int8", FuzzMatmul<int8_t>},
      {"chain_f32", FuzzChain<float>},
      {"chain_bf16", FuzzChain<BFloat16>},
      {"chain_int8", FuzzChain<int8_t>},
      {"conv_f32", FuzzConv<float>},
      {"conv_bf16", FuzzConv<BFloat16>},
      {"conv_int8", FuzzConv<int8_t>},
      {"activation_range", FuzzActivationRange},
      {"pooling", FuzzPooling},
      {"depthwise", FuzzDepthwise},
      {"attention", FuzzAttention},
      {"normalization", FuzzNormalization},
  };
  return targets;
}

}  // namespace tfsparse
