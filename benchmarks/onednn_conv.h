#ifndef TFSPARSE_BENCHMARKS_ONEDNN_CONV_H_
#define TFSPARSE_BENCHMARKS_ONEDNN_CONV_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "custom_ops/conv/conv_geometry.h"

namespace tfsparse {

// The baseline of a convolution: oneDNN's dense one of NHWC images, its weights reordered
// beforehand into the layout it likes best, bias and ReLU fused. Weights are the rows of a matrix
// (filters, kernel NR * kernel width * channels), of one group.
class OneDnnConv {
 public:
  virtual ~OneDnnConv() = default;

  static std::unique_ptr<OneDnnConv> F32(const ConvGeometry& geometry, const std::vector<float>& w,
                                         const std::vector<float>& bias);

  // uint8 y = relu(scale[n] * (conv(x, w) + bias)), the bias rounded to int32.
  static std::unique_ptr<OneDnnConv> U8S8(const ConvGeometry& geometry,
                                          const std::vector<int8_t>& w,
                                          const std::vector<float>& scale,
                                          const std::vector<float>& bias);

  virtual void Run(const void* x, void* y) = 0;
};

}  // namespace tfsparse

#endif  // TFSPARSE_BENCHMARKS_ONEDNN_CONV_H_
