#ifndef TFSPARSE_BENCHMARKS_PACKING_CASE_H_
#define TFSPARSE_BENCHMARKS_PACKING_CASE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "custom_ops/base/status.h"
#include "custom_ops/engine/isa.h"

namespace tfsparse {

// What is paid once per weight matrix, when a model is loaded: validating it and packing it for
// the kernels of many rows and of few.
struct PackingCase {
  std::string precision = "int8";  // or "fp32"
  int64_t k = 4096, n = 4096;
  int64_t block_out = 16, block_in = 4;
  double sparsity = 0.85;
  Isa isa = Isa::kPortable;

  std::string pattern() const { return std::to_string(block_out) + "x" + std::to_string(block_in); }
};

struct PackingResult {
  std::string kernel;  // for many rows
  int threads = 1;
  double ms = 0;         // median
  double megabytes = 0;  // 10^6 bytes of blocks, indices and indptr
  double packed_over_stored = 0;

  // The time for as many bytes as the target is for.
  double ms_per_100_mb() const { return 100 * ms / megabytes; }
};

// What is asked of ms_per_100_mb.
inline constexpr double kTargetMsPer100Mb = 1000;

// Times one thread and two, in turns.
Status RunPackingCase(const PackingCase& problem, std::vector<PackingResult>* results);

// Four kinds of weights, and 100 MB of one of them, so that none has to be extrapolated.
std::vector<PackingCase> StandardPackingCases();

}  // namespace tfsparse

#endif  // TFSPARSE_BENCHMARKS_PACKING_CASE_H_
