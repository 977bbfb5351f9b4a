#ifndef TFSPARSE_BENCHMARKS_CHAIN_CASE_H_
#define TFSPARSE_BENCHMARKS_CHAIN_CASE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "custom_ops/base/status.h"
#include "custom_ops/engine/isa.h"
#include "custom_ops/kernels/kernel_args.h"

namespace tfsparse {

// What is aimed at, by the JSON key that it is for: "ms", "over_limit" and "over_fewer_rows" at
// most, "vs_onednn_dense" at least.
struct ChainTarget {
  const char* of = "";
  double value = 0;
};

// A network to time as one chain, float in and out; int8 has uint8 in between. bench_serving times
// one of them through TensorFlow.
struct ChainCase {
  const char* network = "";
  std::vector<int64_t> widths;  // of x, and of each layer's y
  std::string precision;        // int8 or fp32
  int64_t block_out, block_in;  // a layer of one output is dense
  double sparsity;
  Activation activation = Activation::kRelu;  // between layers
  int64_t m = 0;
  int64_t fewer_rows = 0;  // time that many rows as well, if it is not 0
  ChainTarget target = {};
  int threads = 1;
  Isa isa = Isa::kPortable;

  std::string pattern() const { return std::to_string(block_out) + "x" + std::to_string(block_in); }
};

// Medians, measured in turns.
struct ChainResult {
  double sparsity = 0;  // of the weights that were drawn
  double ms = 0;
  double one_by_one_ms = 0;    // the same layers as single products of ours
  double onednn_dense_ms = 0;  // int8: uint8 in and out. ReLU between layers
  double fewer_rows_ms = 0;
  double real_gops = 0;  // operations on stored weights per time
};

// Checks the chain against the reference, then times it. Fails, without timing, where a result
// is wrong.
Status RunChainCase(const ChainCase& problem, ChainResult* result);

std::vector<ChainCase> StandardChainCases();

}  // namespace tfsparse

#endif  // TFSPARSE_BENCHMARKS_CHAIN_CASE_H_
