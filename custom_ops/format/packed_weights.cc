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
      const int64_t groups = FindPlaces(row);
      WriteColumns(row);
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
  // Calls visit(input, its element of the block's first output) for every stored input of a
  // block row, in their order.
  template <class Visit>
  void ForInputs(int64_t row, Visit visit) const {
    for (int64_t b = matrix_.indptr[row]; b < matrix_.indptr[row + 1]; ++b) {
      const int64_t first = matrix_.indices[b] * matrix_.block_in;
      const int64_t width = std::min(matrix_.block_in, matrix_.in - first);
      for (int64_t i = 0; i < width; ++i) visit(first + i, matrix_.block(b) + i);
    }
  }

  // Finds the places of a block row's stored inputs: one after the other, group by group, but
  // that a window ends before the first input that is out of its reach. Returns the number of
  // groups.
  int64_t FindPlaces(int64_t row) {
    const int64_t size = packed_.group();
    int64_t next = 0, first = 0;
    places_.clear();
    ForInputs(row, [&](int64_t input, const T*) {
      if (packed_.layout == Layout::kWindows) {
        if (next % size != 0 && input - first >= kWindowReach) next += size - next % size;
        if (next % size == 0) first = input;
      }
      places_.push_back(next++);
    });
    return (next + size - 1) / size;
  }

  void Reserve() {
    int64_t groups = 0, values = 0, strips = 0;
    for (int64_t row = 0; row < matrix_.block_rows(); ++row) {
      const int64_t outs = std::min(matrix_.block_out, matrix_.out - row * matrix_.block_out);
      const int64_t row_strips = (outs + packed_.height - 1) / packed_.height;
      const int64_t row_groups = FindPlaces(row);
      strips += row_strips;
      groups += row_groups;
      values += row_groups * packed_.group_values() * packed_.height * row_strips;
    }
    packed_.strips.reserve(strips);
    packed_.columns.Reserve(groups * packed_.columns_per_group());
    packed_.values.Reserve(values);
  }

  void WriteColumns(int64_t row) {
    int32_t* columns = packed_.columns.data() + column_;
    const int group = packed_.group();
    const bool windows = packed_.layout == Layout::kWindows;
    const bool gathered = IsGathered(packed_.layout);
    const int64_t* place = places_.data();
    ForInputs(row, [&](int64_t input, const T*) {
      const int64_t member = *place % group;
      int32_t* column = columns + *place++ / group * packed_.columns_per_group();
      if (windows) {
        if (member == 0) column[0] = static_cast<int32_t>(input);
        reinterpret_cast<uint8_t*>(column + 1)[member] = static_cast<uint8_t>(input - column[0]);
      } else {
        column[gathered ? member : 0] = static_cast<int32_t>(gathered ? input : input / group);
      }
    });
  }

  void WriteValues(int64_t row, int64_t out, int64_t groups) {
    T* values = packed_.values.data() + value_;
    const int64_t first = out - row * matrix_.block_out;  // in the block
    const int64_t height =
        std::min<int64_t>({packed_.height, matrix_.block_out - first, matrix_.out - out});
    const int group = packed_.group(), width = packed_.width();
    const int64_t size = packed_.group_values();
    const int64_t* place = places_.data();
    ForInputs(row, [&](int64_t, const T* block) {
      T* value = values + *place / group * size * packed_.height + *place % group * width;
      ++place;
      for (int64_t h = 0; h < height; ++h) {
        Write(block[(first + h) * matrix_.block_in], width, value + h * size);
      }
    });
    value_ += groups * size * packed_.height;
  }

  // In two bytes, the lower first, where a weight is wide.
  static void Write(T weight, int width, T* value) {
    value[0] = weight;
    if (width == 2) value[1] = weight < 0 ? T{-1} : T{0};
  }

  const BlockSparseMatrix<T>& matrix_;
  PackedWeights<T> packed_;
  std::vector<int64_t> places_;  // of the stored inputs of the block row that is packed
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
