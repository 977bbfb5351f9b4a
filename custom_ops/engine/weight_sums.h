#ifndef TFSPARSE_CUSTOM_OPS_ENGINE_WEIGHT_SUMS_H_
#define TFSPARSE_CUSTOM_OPS_ENGINE_WEIGHT_SUMS_H_

#include <cstdint>
#include <vector>

#include "custom_ops/base/parallel_for.h"
#include "custom_ops/base/status.h"
#include "custom_ops/format/block_sparse_matrix.h"

namespace tfsparse {

// What the products with int8 weights have to know of each output's weights.
struct WeightSums {
  std::vector<int32_t> of_output;  // the zero point of x is multiplied by it
  int32_t max = 0;                 // no sum of products with (q - zero point) is further from 0
};

// Of a validated matrix. Fails if sums of products with uint8 could leave int32.
Status SumWeights(const BlockSparseMatrix<int8_t>& matrix, const Threads& threads, WeightSums* acc);

}  // namespace tfsparse

#endif  // TFSPARSE_CUSTOM_OPS_ENGINE_WEIGHT_SUMS_H_
