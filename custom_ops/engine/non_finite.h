#ifndef TFSPARSE_CUSTOM_OPS_ENGINE_NON_FINITE_H_
#define TFSPARSE_CUSTOM_OPS_ENGINE_NON_FINITE_H_

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <type_traits>
#include <utility>
#include <vector>

#include "custom_ops/base/bfloat16.h"
#include "custom_ops/format/packed_weights.h"

namespace tfsparse {

// What a dense product does with a NaN or an infinity in x: it meets the zeros
// of W too, and makes NaN of them. The kernels skip zeros that are not stored,
// so for rows of x that have such an element, every output of panels [begin,
// end) that does not store its input becomes NaN here. Outputs that store it
// have it from the product.
//
// Called only for tiles that packing found such an element in.
// x is [rows, weights.in], y [rows, weights.out], both row-major with strides; an output
// range ends where the next panel begins, `end_output` for the last. Beside bfloat16
// weights x is what it is rounded to, which may be infinite where x is not.
template <typename T>
void SpreadNonFiniteRows(const PackedWeights<T>& weights, int64_t begin, int64_t end,
                         int64_t end_output, const float* x, int64_t x_stride, int64_t rows,
                         float* y, int64_t y_stride) {
  const auto is_finite = [](float value) {
    if constexpr (std::is_same_v<T, BFloat16>) value = RoundToBFloat16(value).ToFloat();
    return std::isfinite(value);
  };
  // The i-th place of a panel. What fills a last pair is not stored: the product made it NaN.
  const int group = weights.group(), per_group = weights.columns_per_group();
  const auto input = [&](const int32_t* columns, int64_t i) {
    return per_group == group ? columns[i] : columns[i / group] * group + i % group;
  };
  struct Row {
    int64_t row;
    std::vector<int64_t> inputs;  // those that are not finite
  };
  std::vector<Row> spoilt;
  for (int64_t row = 0; row < rows; ++row) {
    std::vector<int64_t> inputs;
    for (int64_t k = 0; k < weights.in; ++k) {
      if (!is_finite(x[row * x_stride + k])) inputs.push_back(k);
    }
    if (!inputs.empty()) spoilt.push_back({row, std::move(inputs)});
  }
  std::vector<char> stored(weights.in + group);
  for (int64_t s = begin; s < end; ++s) {
    const Panel& panel = weights.panels[s];
    const int32_t* columns = weights.columns.data() + panel.column;
    const int64_t inputs = panel.groups * group;
    for (int64_t i = 0; i < inputs; ++i) stored[input(columns, i)] = 1;
    const int64_t next = s + 1 < end ? weights.panels[s + 1].out : end_output;
    for (const Row& each : spoilt) {
      const bool all = std::all_of(each.inputs.begin(), each.inputs.end(),
                                   [&](int64_t k) { return stored[k] != 0; });
      if (all) continue;
      float* outputs = y + each.row * y_stride;
      std::fill(outputs + panel.out, outputs + next, std::numeric_limits<float>::quiet_NaN());
    }
    for (int64_t i = 0; i < inputs; ++i) stored[input(columns, i)] = 0;
  }
}

}  // namespace tfsparse

#endif  // TFSPARSE_CUSTOM_OPS_ENGINE_NON_FINITE_H_
