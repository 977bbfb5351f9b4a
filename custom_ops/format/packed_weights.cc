#include "custom_ops/format/packed_weights.h"

#include <algorithm>
#include <type_traits>
#include <utility>
#include <vector>

#include "custom_ops/base/balanced_cut.h"

namespace tfsparse {
namespace {

// Ranges of block rows per thread, for threads that start late.
constexpr int64_t kPartsPerThread = 4;

// Cycles for a byte of packed values, roughly.
constexpr int64_t kCyclesPerByte = 4;

// First finds where each block row goes, then writes them, in any order.
template <typename T>
class Packer {
 public:
  Packer(const BlockSparseMatrix<T>& matrix, const WeightFormat& format) : matrix_(matrix) {
    packed_.out = matrix.out;
    packed_.in = matrix.in;
    packed_.format = format;
    group_ = packed_.group();
    width_ = packed_.width();
    group_values_ = packed_.group_values();
  }

  PackedWeights<T> Run(const Threads& threads) {
    const int64_t rows = matrix_.block_rows();
    const int64_t parts = std::min(rows, threads.count > 1 ? kPartsPerThread * threads.count : 1);
    if (parts == 0) return std::move(packed_);
    groups_.resize(rows);
    threads.Run(parts, matrix_.num_blocks / parts, [&](int64_t begin, int64_t end) {
      for (int64_t row = rows * begin / parts; row < rows * end / parts; ++row) {
        groups_[row] = Groups(row);
      }
    });
    Reserve();
    const int64_t bytes = values_.back() * static_cast<int64_t>(sizeof(T));
    threads.Run(parts, bytes * kCyclesPerByte / parts, [&](int64_t begin, int64_t end) {
      const int64_t last = BalancedCut(values_, end, parts);
      for (int64_t row = BalancedCut(values_, begin, parts); row < last; ++row) WriteRow(row);
    });
    return std::move(packed_);
  }

  // Of all panels.
  int64_t Groups() const {
    int64_t groups = 0;
    for (int64_t row = 0; row < matrix_.block_rows(); ++row) groups += Groups(row) * Panels(row);
    return groups;
  }

 private:
  // Calls visit(group, member, input, its element of the block's first output) for every stored
  // input of a block row, in their order: group by group, but that a window ends before the
  // first input that is out of its reach.
  template <class Visit>
  void ForInputs(int64_t row, Visit visit) const {
    const bool windows = packed_.format.packing == WeightPacking::kPermuteWindows;
    int64_t group = -1, window_end = 0;
    int member = group_;
    for (int64_t b = matrix_.indptr[row]; b < matrix_.indptr[row + 1]; ++b) {
      const int64_t first = matrix_.indices[b] * matrix_.block_in;
      const int64_t end = std::min(first + matrix_.block_in, matrix_.in);
      const T* element = matrix_.block(b);
      for (int64_t input = first; input < end; ++input) {
        if (member == group_ || (windows && input >= window_end)) {
          ++group;
          member = 0;
          window_end = input + kWindowReach;
        }
        visit(group, member++, input, element++);
      }
    }
  }

  // Of each panel of a block row.
  int64_t Groups(int64_t row) const {
    if (packed_.format.packing == WeightPacking::kPermuteWindows) {
      int64_t groups = 0;
      ForInputs(row, [&](int64_t group, int, int64_t, const T*) { groups = group + 1; });
      return groups;
    }
    const int64_t begin = matrix_.indptr[row], end = matrix_.indptr[row + 1];
    if (begin == end) return 0;
    const int64_t last = std::min(matrix_.block_in,  //
                                  matrix_.in - matrix_.indices[end - 1] * matrix_.block_in);
    return ((end - begin - 1) * matrix_.block_in + last + group_ - 1) / group_;
  }

  int64_t Panels(int64_t row) const {
    const int64_t outs = std::min(matrix_.block_out, matrix_.out - row * matrix_.block_out);
    return (outs + packed_.format.nr - 1) / packed_.format.nr;
  }

  void Reserve() {
    const int64_t rows = matrix_.block_rows();
    int64_t panels = 0, columns = 0, values = 0;
    for (int64_t row = 0; row < rows; ++row) {
      panels_.push_back(panels);
      columns_.push_back(columns);
      values_.push_back(values);
      panels += Panels(row);
      columns += groups_[row] * packed_.columns_per_group();
      values += groups_[row] * Panels(row) * group_values_ * packed_.format.nr;
    }
    values_.push_back(values);
    packed_.panels.resize(panels);
    packed_.columns.Reserve(columns);
    packed_.values.Reserve(values);
  }

  void WriteRow(int64_t row) {
    WriteColumns(row);
    if constexpr (std::is_same_v<T, BFloat16>) WriteUnused(row);
    const int64_t first = row * matrix_.block_out;
    const int64_t size = groups_[row] * group_values_ * packed_.format.nr;
    for (int64_t s = 0; s < Panels(row); ++s) {
      const int64_t value = values_[row] + s * size;
      const auto out = static_cast<int32_t>(first + s * packed_.format.nr);
      packed_.panels[panels_[row] + s] = {out, groups_[row], columns_[row], value};
      WriteValues(row, out, packed_.values.data() + value);
    }
  }

  void WriteColumns(int64_t row) {
    int32_t* columns = packed_.columns.data() + columns_[row];
    const int size = packed_.columns_per_group();
    const bool windows = packed_.format.packing == WeightPacking::kPermuteWindows;
    const bool gathered = (packed_.format.packing == WeightPacking::kGathered);
    ForInputs(row, [&](int64_t group, int member, int64_t input, const T*) {
      int32_t* column = columns + group * size;
      if (windows) {
        if (member == 0) column[0] = static_cast<int32_t>(input);
        reinterpret_cast<uint8_t*>(column + 1)[member] = static_cast<uint8_t>(input - column[0]);
      } else if (gathered) {
        column[member] = static_cast<int32_t>(input);
      } else if (member == 0) {
        column[0] = static_cast<int32_t>(input / group_);
      }
    });
  }

  // What is left of a last group: see the header.
  void WriteUnused(int64_t row) {
    if (packed_.format.packing != WeightPacking::kGathered) return;
    int64_t unused = 0, stored = 0;
    ForInputs(row, [&](int64_t, int, int64_t input, const T*) {
      unused += input == unused;
      ++stored;
    });
    int32_t* columns = packed_.columns.data() + columns_[row];
    for (int64_t i = stored; i < groups_[row] * group_; ++i) {
      columns[i] = static_cast<int32_t>(unused);
    }
  }

  void WriteValues(int64_t row, int64_t out, T* values) const {
    const int64_t first = out - row * matrix_.block_out;  // in the block
    const int64_t nr =
        std::min<int64_t>({packed_.format.nr, matrix_.block_out - first, matrix_.out - out});
    const int64_t from = matrix_.block_in, to = group_values_, size = to * packed_.format.nr;
    ForInputs(row, [&](int64_t group, int member, int64_t, const T* element) {
      const T* weight = element + first * from;
      T* value = values + group * size + member * width_;
      if (width_ == 1) {
        for (int64_t h = 0; h < nr; ++h) value[h * to] = weight[h * from];
      } else {
        for (int64_t h = 0; h < nr; ++h) WriteWide(weight[h * from], value + h * to);
      }
    });
  }

  // In two parts, the lower first: an int16, or a float.
  static void WriteWide(T weight, T* parts) {
    if constexpr (std::is_same_v<T, int8_t>) {
      parts[0] = weight;
      parts[1] = weight < 0 ? T{-1} : T{0};
    } else {
      parts[0] = T{0};
      parts[1] = weight;
    }
  }

  const BlockSparseMatrix<T>& matrix_;
  PackedWeights<T> packed_;
  int group_, width_, group_values_;
  // Of each block row.
  std::vector<int64_t> groups_, panels_, columns_, values_;
};

}  // namespace

template <typename T>
PackedWeights<T> Pack(const BlockSparseMatrix<T>& matrix, const WeightFormat& format,
                      const Threads& threads) {
  return Packer<T>(matrix, format).Run(threads);
}

template <typename T>
int64_t CountGroups(const BlockSparseMatrix<T>& matrix, const WeightFormat& format) {
  return Packer<T>(matrix, format).Groups();
}

template PackedWeights<float> Pack(const BlockSparseMatrix<float>&, const WeightFormat&,
                                   const Threads&);
template PackedWeights<BFloat16> Pack(const BlockSparseMatrix<BFloat16>&, const WeightFormat&,
                                      const Threads&);
template PackedWeights<int8_t> Pack(const BlockSparseMatrix<int8_t>&, const WeightFormat&,
                                    const Threads&);
template int64_t CountGroups(const BlockSparseMatrix<int8_t>&, const WeightFormat&);

}  // namespace tfsparse
