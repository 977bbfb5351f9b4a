#ifndef TFSPARSE_BENCHMARKS_ATTENTION_CASE_H_
#define TFSPARSE_BENCHMARKS_ATTENTION_CASE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "custom_ops/attention/attention_kernel.h"
#include "custom_ops/base/status.h"
#include "custom_ops/engine/isa.h"

namespace tfsparse {

// One self-attention to time, of floats that lie as [B, T, H, D].
struct AttentionCase {
  std::string name;
  int64_t batch = 1, heads = 12, length = 128, head_size = 64;
  AttentionCompute compute = AttentionCompute::kFloat32;
  bool padding = false;  // a mask [B, 1, 1, T]
  bool pairs = false;    // a mask [B, 1, T, T]
  bool y_is_u8 = false;
  int threads = 1;
  Isa isa = Isa::kPortable;
};

struct AttentionResult {
  double ms = 0;         // median
  double gops = 0;       // operations of both products per time
  double onednn_ms = 0;  // median, measured in turns with ours, without a mask
};

// Compares the results with oneDNN's where there is no mask and floats come out, then times both in
// turns. Fails, without timing, where they differ.
Status RunAttentionCase(const AttentionCase& problem, AttentionResult* result);

std::vector<AttentionCase> StandardAttentionCases();

// One LayerNorm to time.
struct NormalizationCase {
  int64_t rows = 128, size = 256;
  bool residual = false, y_is_u8 = false;
  Isa isa = Isa::kPortable;
};

struct NormalizationResult {
  double us = 0;         // median
  double onednn_us = 0;  // median, measured in turns with ours, without a residual, to floats
};

Status RunNormalizationCase(const NormalizationCase& problem, NormalizationResult* result);

std::vector<NormalizationCase> StandardNormalizationCases();

}  // namespace tfsparse

#endif  // TFSPARSE_BENCHMARKS_ATTENTION_CASE_H_
