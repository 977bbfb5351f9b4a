#ifndef TFSPARSE_BENCHMARKS_CHAIN_CASE_H_
#define TFSPARSE_BENCHMARKS_CHAIN_CASE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "custom_ops/base/status.h"
#include "custom_ops/kernels/kernel_args.h"
#include "custom_ops/matmul/path.h"

namespace tfsparse {

// Layers to time as one chain, float in and out; int8 has uint8 in between.
struct ChainCase {
  std::string precision = "int8";  // or "fp32"
  int64_t m = 2048;
  std::vector<int64_t> widths = {480, 1024, 1024, 512, 256, 1};  // of x, and of each layer's y
  int64_t block_out = 16, block_in = 4;  // a layer with fewer outputs has blocks of as many
  double sparsity = 0.85;
  Activation activation = Activation::kRelu;  // between layers
  int threads = 1;
  Path path = Path::kPortable;
};

struct ChainResult {
  double sparsity = 0;         // of the weights that were drawn
  double ms = 0;               // medians, measured in turns
  double one_by_one_ms = 0;    // the same layers in our own matmuls, one after the other
  double onednn_dense_ms = 0;  // int8: uint8 in and out, ReLU between
  double real_gops = 0;        // operations on stored weights per time
};

// Checks the chain against the reference, then times it. Fails, without timing, where a result
// is wrong.
Status RunChainCase(const ChainCase& problem, ChainResult* result);

}  // namespace tfsparse

#endif  // TFSPARSE_BENCHMARKS_CHAIN_CASE_H_
