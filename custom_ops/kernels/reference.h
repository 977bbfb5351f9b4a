#ifndef TFSPARSE_CUSTOM_OPS_KERNELS_REFERENCE_H_
#define TFSPARSE_CUSTOM_OPS_KERNELS_REFERENCE_H_

// The definition: what every kernel computes, in the plainest form. Integer
// kernels match it bit for bit, float kernels up to rounding. Tests compare
// against it; nothing that ships runs it.

#include <cmath>
#include <cstdint>
#include <vector>

#include "custom_ops/format/block_sparse_matrix.h"
#include "custom_ops/kernels/quantize.h"

namespace tfsparse {

// The dense [out, in] matrix that a block-sparse one stands for.
template <typename T>
std::vector<T> Unpack(const BlockSparseMatrix<T>& m) {
  std::vector<T> dense(m.out * m.in);
  for (int64_t row = 0; row < m.block_rows(); ++row) {
    for (int64_t b = m.indptr[row]; b < m.indptr[row + 1]; ++b) {
      for (int64_t i = 0; i < m.block_out * m.block_in; ++i) {
        const int64_t n = row * m.block_out + i / m.block_in;
        const int64_t k = m.indices[b] * m.block_in + i % m.block_in;
        if (n < m.out && k < m.in) dense[n * m.in + k] = m.block(b)[i];
      }
    }
  }
  return dense;
}

inline float ReferenceActivation(float y, bool relu) { return relu && y < 0 ? 0.0f : y; }

// One output of y = act(x * w + bias), float, summed in double.
inline float ReferenceDot(const float* x, const float* w, int64_t in, float bias, bool relu) {
  double sum = 0;
  for (int64_t k = 0; k < in; ++k) sum += static_cast<double>(x[k]) * w[k];
  return ReferenceActivation(static_cast<float>(sum) + bias, relu);
}

// One output for uint8 x and int8 w.
inline float ReferenceDot(const uint8_t* x, int32_t x_zero_point, const int8_t* w, int64_t in,
                          float scale, float bias, bool relu) {
  int32_t sum = 0;
  for (int64_t k = 0; k < in; ++k) sum += (x[k] - x_zero_point) * w[k];
  return ReferenceActivation(std::fma(static_cast<float>(sum), scale, bias), relu);
}

}  // namespace tfsparse

#endif  // TFSPARSE_CUSTOM_OPS_KERNELS_REFERENCE_H_
