#ifndef TFSPARSE_CUSTOM_OPS_FUZZ_RANDOM_WEIGHTS_H_
#define TFSPARSE_CUSTOM_OPS_FUZZ_RANDOM_WEIGHTS_H_

#include <algorithm>
#include <cstdint>
#include <vector>

#include "custom_ops/format/block_sparse_matrix.h"
#include "custom_ops/fuzz/random.h"

namespace tfsparse {

// The three arrays of a block-sparse matrix as an op receives them: data that have the memory of
// their shape, and indices and pointers of any number and value.
template <typename T>
class RandomWeights {
 public:
  // Blocks mostly divide `group`, if there is one: outputs that no block may straddle.
  RandomWeights(Random& random, int64_t out, int64_t in, int64_t group = 0) {
    view_.out = out;
    view_.in = in;
    view_.block_out = Block(random);
    if (group > 0 && random.Chance(0.9)) {
      while (group % view_.block_out != 0) view_.block_out = Block(random);
    }
    view_.block_in = Block(random);
    const double density = random.Pick<double>({0, 0.1, 0.3, 0.6, 1});
    std::vector<int32_t> indices;
    indptr_ = Exact<int32_t>(view_.block_rows() + 1);
    for (int64_t row = 0; row < view_.block_rows(); ++row) {
      for (int64_t column = 0; column < view_.block_columns(); ++column) {
        if (random.Chance(density)) indices.push_back(static_cast<int32_t>(column));
      }
      indptr_[row + 1] = static_cast<int32_t>(indices.size());
    }
    indices_ = Exact<int32_t>(static_cast<int64_t>(indices.size()));
    std::copy(indices.begin(), indices.end(), indices_.begin());
    view_.num_blocks = static_cast<int64_t>(indices_.size());
    Fill(random);
  }

  // Changes one thing.
  void Spoil(Random& random) {
    switch (random.Int(0, 6)) {
      case 0:
        view_.out = Other(random, view_.out);
        break;
      case 1:
        view_.in = Other(random, view_.in);
        break;
      case 2:
        SpoilBlock(random);
        break;
      case 3:
        view_.num_blocks = std::max<int64_t>(0, view_.num_blocks + random.Int(-2, 2));
        Fill(random);
        break;
      case 4:
        Resize(random, &indices_);
        break;
      case 5:
        Resize(random, &indptr_);
        break;
      default:
        std::vector<int32_t>& array = random.Chance(0.5) ? indices_ : indptr_;
        if (!array.empty()) array[random.Int(0, array.size() - 1)] = random.EdgeInt32();
    }
  }

  BlockSparseMatrix<T> view() const {
    BlockSparseMatrix<T> view = view_;
    view.num_indices = static_cast<int64_t>(indices_.size());
    view.num_indptr = static_cast<int64_t>(indptr_.size());
    view.data = data_.data();
    view.indices = indices_.data();
    view.indptr = indptr_.data();
    return view;
  }

 private:
  static int64_t Block(Random& random) {
    return random.Chance(0.7) ? random.Pick<int64_t>({1, 1, 2, 4, 4, 8, 16, 64})
                              : random.Int(1, kMaxBlock);
  }

  // A size close to a given one, which may have been changed before, or of any value.
  static int64_t Other(Random& random, int64_t size) {
    const int64_t close = random.Int(-70, 70);
    int64_t other;
    const bool overflows = __builtin_add_overflow(size, close, &other);
    return overflows || random.Chance(0.5) ? random.EdgeInt64() : other;
  }

  // As a tensor's sizes may be: not negative.
  void SpoilBlock(Random& random) {
    int64_t& size = random.Chance(0.5) ? view_.block_out : view_.block_in;
    size = random.Chance(0.5) ? random.Int(0, 80) : std::max<int64_t>(0, random.EdgeInt64());
    Fill(random);
  }

  // As many blocks as there is memory for; none take none, whatever the size of one.
  void Fill(Random& random) {
    const bool wild = random.Chance(0.2);
    constexpr int64_t kMaxElements = 1 << 20;
    int64_t elements;
    if (__builtin_mul_overflow(view_.block_out, view_.block_in, &elements) ||
        __builtin_mul_overflow(elements, view_.num_blocks, &elements) || elements > kMaxElements) {
      view_.num_blocks = elements = 0;
    }
    data_ = RandomArray<T>(random, elements, wild);
  }

  static void Resize(Random& random, std::vector<int32_t>* array) {
    const auto size = static_cast<int64_t>(array->size());
    std::vector<int32_t> other = Exact<int32_t>(std::max<int64_t>(0, size + random.Int(-3, 3)));
    std::copy_n(array->begin(), std::min(array->size(), other.size()), other.begin());
    array->swap(other);
  }

  BlockSparseMatrix<T> view_;
  std::vector<T> data_;
  std::vector<int32_t> indices_, indptr_;
};

}  // namespace tfsparse

#endif  // TFSPARSE_CUSTOM_OPS_FUZZ_RANDOM_WEIGHTS_H_
