#ifndef TFSPARSE_BENCHMARKS_KERNEL_CASE_H_
#define TFSPARSE_BENCHMARKS_KERNEL_CASE_H_

#include <cstdint>
#include <string>

#include "custom_ops/base/status.h"
#include "custom_ops/engine/isa.h"
#include "custom_ops/kernels/kernel_args.h"

namespace tfsparse {

// One matmul to time: y[m, n] = act(x[m, k] * transpose(W[n, k]) + bias). int8 means
// uint8 x, int8 W and uint8 y; fp32 means float everywhere, bf16 the same but W, which x is
// rounded like.
struct KernelCase {
  std::string precision = "int8";  // or "fp32", "bf16"
  int64_t m = 2048, k = 1024, n = 1024;
  int64_t block_out = 16, block_in = 4;
  double sparsity = 0.85;
  int threads = 1;
  Isa isa = Isa::kPortable;
  Activation activation = Activation::kRelu;  // of ours; oneDNN's is always ReLU
  // The first half of the outputs at 50% and the other at 99%, instead of `sparsity` for all.
  bool uneven = false;
  // What is aimed at: a share of the peak, or oneDNN's dense time over ours. 0: nothing.
  double target_share = 0, target_vs_dense = 0;

  std::string pattern() const { return std::to_string(block_out) + "x" + std::to_string(block_in); }
};

struct KernelResult {
  KernelCase problem;
  std::string kernel;          // its name in kernels.inc
  double sparsity = 0;         // of the weights that were drawn
  double ms = 0;               // median
  double effective_gops = 0;   // operations of the dense product per time
  double real_gops = 0;        // operations on stored weights per time
  double peak_gops = 0;        // measured on the ISA; 0 for portable code
  double onednn_dense_ms = 0;  // median, measured in turns with ours

  double peak_share() const { return peak_gops > 0 ? real_gops / peak_gops : 0; }
  double vs_onednn_dense() const { return onednn_dense_ms / ms; }
};

// Our own product twice, in turns: as it is in `problem`, beside one that differs in threads,
// in its activation or in its precision.
struct ComparisonResult {
  KernelCase problem, beside;
  std::string kernel;
  double sparsity = 0;
  double ms = 0, beside_ms = 0;  // medians
};

// Checks the kernel and the baseline against the reference, then times them in turns.
// Fails, without timing, where a result is wrong.
Status RunKernelCase(const KernelCase& problem, double peak_gops, KernelResult* result);

Status RunComparison(const KernelCase& problem, const KernelCase& beside, ComparisonResult* result);

// A case in bf16, beside itself in fp32.
Status RunBf16Comparison(const KernelCase& problem, ComparisonResult* result);

}  // namespace tfsparse

#endif  // TFSPARSE_BENCHMARKS_KERNEL_CASE_H_
