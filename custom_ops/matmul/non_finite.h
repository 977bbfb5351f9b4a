#ifndef TFSPARSE_CUSTOM_OPS_MATMUL_NON_FINITE_H_
#define TFSPARSE_CUSTOM_OPS_MATMUL_NON_FINITE_H_

#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "custom_ops/format/packed_weights.h"

namespace tfsparse {

// What a dense product does with a NaN or an infinity in x: it meets the zeros
// of W too, and makes NaN of them. The kernels skip zeros that are not stored,
// so for rows of x that have such an element, every output of strips [begin,
// end) that does not store its input becomes NaN here. Outputs that store it
// have it from the product.
//
// Called only for tiles that packing found such an element in.
// x is [rows, weights.in], y [rows, weights.out], both row-major; an output
// range ends where the next strip begins, `end_output` for the last.
inline void SpreadNonFiniteRows(const PackedWeights<float>& weights, int64_t begin, int64_t end,
                                int64_t end_output, const float* x, int64_t rows, float* y) {
  for (int64_t row = 0; row < rows; ++row) {
    std::vector<int64_t> inputs;
    for (int64_t k = 0; k < weights.in; ++k) {
      if (!std::isfinite(x[row * weights.in + k])) inputs.push_back(k);
    }
    if (inputs.empty()) continue;
    std::vector<char> stored(weights.in);
    for (int64_t s = begin; s < end; ++s) {
      const Strip& strip = weights.strips[s];
      const int32_t* columns = weights.columns.data() + strip.column;
      for (int64_t g = 0; g < strip.groups; ++g) stored[columns[g]] = 1;
      bool all = true;
      for (int64_t k : inputs) all = all && stored[k];
      for (int64_t g = 0; g < strip.groups; ++g) stored[columns[g]] = 0;
      if (all) continue;
      const int64_t next = s + 1 < end ? weights.strips[s + 1].out : end_output;
      for (int64_t n = strip.out; n < next; ++n) {
        y[row * weights.out + n] = std::numeric_limits<float>::quiet_NaN();
      }
    }
  }
}

}  // namespace tfsparse

#endif  // TFSPARSE_CUSTOM_OPS_MATMUL_NON_FINITE_H_
