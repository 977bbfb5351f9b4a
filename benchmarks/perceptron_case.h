#ifndef TFSPARSE_BENCHMARKS_PERCEPTRON_CASE_H_
#define TFSPARSE_BENCHMARKS_PERCEPTRON_CASE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "custom_ops/base/status.h"
#include "custom_ops/matmul/path.h"

namespace tfsparse {

// The top perceptron of DLRM, 480-1024-1024-512-256-1, in INT8 inside the kernels: five calls of
// Matmul::Run, one after the other, float in and out, uint8 between them. Its last layer has one
// output and is dense. bench_serving times the same network through TensorFlow.
struct PerceptronCase {
  int64_t batch = 1;
  int64_t block_out = 16, block_in = 4;
  double sparsity = 0.85;
  Path path = Path::kPortable;
  double target_ms = 0;  // 0: none

  std::string pattern() const { return std::to_string(block_out) + "x" + std::to_string(block_in); }
};

// The median of a pass, in milliseconds, on one thread.
Status RunPerceptronCase(const PerceptronCase& problem, double* ms);

std::vector<PerceptronCase> StandardPerceptronCases();

}  // namespace tfsparse

#endif  // TFSPARSE_BENCHMARKS_PERCEPTRON_CASE_H_
