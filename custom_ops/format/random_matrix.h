#ifndef TFSPARSE_CUSTOM_OPS_FORMAT_RANDOM_MATRIX_H_
#define TFSPARSE_CUSTOM_OPS_FORMAT_RANDOM_MATRIX_H_

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <random>
#include <type_traits>
#include <vector>

#include "custom_ops/base/bfloat16.h"
#include "custom_ops/format/block_sparse_matrix.h"

namespace tfsparse {

// A block-sparse matrix that owns its arrays, filled from a seed: as many blocks as
// `sparsity` asks for, at random places, of float or bfloat16 weights in [-1, 1) or int8
// weights in [-128, 127] other than 0.
template <typename T>
class RandomMatrix {
 public:
  RandomMatrix(int64_t out, int64_t in, int64_t block_out, int64_t block_in, double sparsity,
               uint32_t seed) {
    std::mt19937 random(seed);
    view_.out = out;
    view_.in = in;
    view_.block_out = block_out;
    view_.block_in = block_in;
    std::vector<char> stored(view_.block_rows() * view_.block_columns());
    std::fill_n(stored.begin(), std::llround((1 - sparsity) * stored.size()), 1);
    std::shuffle(stored.begin(), stored.end(), random);
    indptr.push_back(0);
    for (int64_t row = 0; row < view_.block_rows(); ++row) {
      for (int64_t column = 0; column < view_.block_columns(); ++column) {
        if (!stored[row * view_.block_columns() + column]) continue;
        indices.push_back(static_cast<int32_t>(column));
        for (int64_t i = 0; i < block_out * block_in; ++i) data.push_back(Value(random));
      }
      indptr.push_back(static_cast<int32_t>(indices.size()));
    }
  }

  // Made anew, so that a test may change the arrays in between.
  BlockSparseMatrix<T> view() const {
    BlockSparseMatrix<T> view = view_;
    view.num_blocks = static_cast<int64_t>(data.size()) / (view.block_out * view.block_in);
    view.num_indices = static_cast<int64_t>(indices.size());
    view.num_indptr = static_cast<int64_t>(indptr.size());
    view.data = data.data();
    view.indices = indices.data();
    view.indptr = indptr.data();
    return view;
  }

  std::vector<T> data;
  std::vector<int32_t> indices;
  std::vector<int32_t> indptr;

 private:
  static T Value(std::mt19937& random) {
    if constexpr (std::is_same_v<T, float>) {
      return std::uniform_real_distribution<float>(-1, 1)(random);
    } else if constexpr (std::is_same_v<T, BFloat16>) {
      return RoundToBFloat16(std::uniform_real_distribution<float>(-1, 1)(random));
    } else {
      const int value = std::uniform_int_distribution<int>(-128, 126)(random);
      return static_cast<T>(value < 0 ? value : value + 1);
    }
  }

  BlockSparseMatrix<T> view_;
};

}  // namespace tfsparse

#endif  // TFSPARSE_CUSTOM_OPS_FORMAT_RANDOM_MATRIX_H_
