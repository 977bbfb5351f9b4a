#ifndef TFSPARSE_BENCHMARKS_CONV_CASE_H_
#define TFSPARSE_BENCHMARKS_CONV_CASE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "custom_ops/base/status.h"
#include "custom_ops/conv/conv_geometry.h"
#include "custom_ops/engine/isa.h"

namespace tfsparse {

// One convolution with bias and ReLU to time. int8 means uint8 images and results, int8 weights;
// fp32 means float everywhere.
struct ConvCase {
  std::string precision = "int8";  // or "fp32"
  ConvGeometry geometry;
  int count = 1;  // layers of ResNet-50 that are like it
  int64_t block_out = 2, block_in = 1;
  double sparsity = 0.78;
  int threads = 1;
  Isa isa = Isa::kPortable;
  double target_vs_dense = 0;  // oneDNN's dense time over ours; 0: nothing

  std::string pattern() const { return std::to_string(block_out) + "x" + std::to_string(block_in); }
};

struct ConvResult {
  std::string kernel;
  double sparsity = 0;
  double ms = 0;               // median
  double real_gops = 0;        // operations on stored weights per time
  double onednn_dense_ms = 0;  // median, measured in turns with ours
};

// Compares the results with oneDNN's, then times both in turns. Fails, without timing, where they
// differ.
Status RunConvCase(const ConvCase& problem, ConvResult* result);

// The distinct layers of ResNet-50 v1.5 for an image of 224 x 224.
std::vector<ConvCase> StandardConvCases();

}  // namespace tfsparse

#endif  // TFSPARSE_BENCHMARKS_CONV_CASE_H_
