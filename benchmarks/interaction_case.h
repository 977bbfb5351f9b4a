#ifndef TFSPARSE_BENCHMARKS_INTERACTION_CASE_H_
#define TFSPARSE_BENCHMARKS_INTERACTION_CASE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "custom_ops/base/status.h"
#include "custom_ops/engine/isa.h"
#include "custom_ops/interaction/lookup_interaction.h"

namespace tfsparse {

// What lies between the MLPs of DLRM, to time: tables that no cache holds, uniform ids, dots of all
// pairs, concatenation with the dense vector. int8 takes and gives uint8, the others float.
struct InteractionCase {
  TableType type = TableType::kS8;
  bool row_scales = false;  // int8: a scale per row, else one per table
  int64_t batch = 2048;     // items of a call
  int64_t tables = 26, rows = 100000, depth = 128;
  int threads = 1;
  Isa isa = Isa::kPortable;

  std::string precision() const {
    return type == TableType::kS8 ? "int8" : type == TableType::kBf16 ? "bf16" : "fp32";
  }
};

// Medians, per item and for all threads together.
struct InteractionResult {
  double ns = 0;
  // Reading the rows alone: a loop that prefetches them as far ahead as was fastest; of a batch of
  // one, all of an item at once.
  double rows_ns = 0;
  double macs = 0;  // products of an item
};

// Compares results with those of portable code, then times both in turns.
Status RunInteractionCase(const InteractionCase& problem, InteractionResult* result);

std::vector<InteractionCase> StandardInteractionCases();

}  // namespace tfsparse

#endif  // TFSPARSE_BENCHMARKS_INTERACTION_CASE_H_
