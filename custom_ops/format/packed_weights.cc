#include "custom_ops/format/packed_weights.h"

#include <algorithm>
#include <utility>

namespace tfsparse {
namespace {

// Writes the strips, columns and values of one block row after the other.
template <typename T>
class Packer {
 public:
  Packer(const BlockSparseMatrix<T>& matrix, Layout layout, int height) : matrix_(matrix) {
    packed_.out = matrix.out;
    packed_.in = matrix.in;
    packed_.layout = layout;
    packed_.height = height;
  }

  PackedWeights<T> Run() {
    Reserve();
    for (int64_t row = 0; row < matrix_.block_rows(); ++row) {
      const int64_t groups = WriteColumns(row);
      const int64_t end = std::min(matrix_.out, (row + 1) * matrix_.block_out);
      for (int64_t out = row * matrix_.block_out; out < end; out += packed_.height) {
        packed_.strips.push_back({static_cast<int32_t>(out), groups, column_, value_});
        WriteValues(row, out, groups);
      }
      column_ += groups * packed_.columns_per_group();
    }
    return std::move(packed_);
  }

 private:
  static constexpr int kGroupValues = PackedWeights<T>::kGroupValues;

  // Inputs that block row `row` stores: whole blocks, less what sticks out.
  int64_t Inputs(int64_t row) const {
    const int64_t begin = matrix_.indptr[row], end = matrix_.indptr[row + 1];
    if (begin == end) return 0;
    const int64_t last_end = (matrix_.indices[end - 1] + int64_t{1}) * matrix_.block_in;
    return (end - begin) * matrix_.block_in - std::max<int64_t>(0, last_end - matrix_.in);
  }

  int64_t Groups(int64_t row) const {
    return (Inputs(row) + packed_.group() - 1) / packed_.group();
  }

  void Reserve() {
    int64_t columns = 0, values = 0, strips = 0;
    for (int64_t row = 0; row < matrix_.block_rows(); ++row) {
      const int64_t outs = std::min(matrix_.block_out, matrix_.out - row * matrix_.block_out);
      const int64_t row_strips = (outs + packed_.height - 1) / packed_.height;
      strips += row_strips;
      columns += Groups(row) * packed_.columns_per_group();
      values += Groups(row) * kGroupValues * packed_.height * row_strips;
    }
    packed_.strips.reserve(strips);
    packed_.columns.Reserve(columns);
    packed_.values.Reserve(values);
  }

  // Calls visit(position, input, element of the block's first output) for every
  // stored input of a block row; position counts them.
  template <class Visit>
  void ForInputs(int64_t row, Visit visit) const {
    int64_t position = 0;
    for (int64_t b = matrix_.indptr[row]; b < matrix_.indptr[row + 1]; ++b) {
      const int64_t first = matrix_.indices[b] * matrix_.block_in;
      const int64_t width = std::min(matrix_.block_in, matrix_.in - first);
      for (int64_t i = 0; i < width; ++i) visit(position++, first + i, matrix_.block(b) + i);
    }
  }

  int64_t WriteColumns(int64_t row) {
    int32_t* columns = packed_.columns.data() + column_;
    const int group = packed_.group();
    const bool gathered = IsGathered(packed_.layout);
    ForInputs(row, [&](int64_t position, int64_t input, const T*) {
      columns[gathered ? position : position / group] =
          static_cast<int32_t>(gathered ? input : input / group);
    });
    return Groups(row);
  }

  void WriteValues(int64_t row, int64_t out, int64_t groups) {
    T* values = packed_.values.data() + value_;
    const int64_t first = out - row * matrix_.block_out;  // in the block
    const int64_t height =
        std::min<int64_t>({packed_.height, matrix_.block_out - first, matrix_.out - out});
    const int group = packed_.group(), width = packed_.width();
    ForInputs(row, [&](int64_t position, int64_t, const T* block) {
      T* value =
          values + position / group * kGroupValues * packed_.height + position % group * width;
      for (int64_t h = 0; h < height; ++h) {
        Write(block[(first + h) * matrix_.block_in], width, value + h * kGroupValues);
      }
    });
    value_ += groups * kGroupValues * packed_.height;
  }

  // In two bytes, the lower first, where a weight is wide.
  static void Write(T weight, int width, T* value) {
    value[0] = weight;
    if (width == 2) value[1] = weight < 0 ? T{-1} : T{0};
  }

  const BlockSparseMatrix<T>& matrix_;
  PackedWeights<T> packed_;
  int64_t column_ = 0;
  int64_t value_ = 0;
};

}  // namespace

template <typename T>
PackedWeights<T> Pack(const BlockSparseMatrix<T>& matrix, Layout layout, int height) {
  return Packer<T>(matrix, layout, height).Run();
}

template PackedWeights<float> Pack(const BlockSparseMatrix<float>&, Layout, int);
template PackedWeights<int8_t> Pack(const BlockSparseMatrix<int8_t>&, Layout, int);

}  // namespace tfsparse
