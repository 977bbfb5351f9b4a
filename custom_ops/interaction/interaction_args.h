#ifndef TFSPARSE_CUSTOM_OPS_INTERACTION_INTERACTION_ARGS_H_
#define TFSPARSE_CUSTOM_OPS_INTERACTION_INTERACTION_ARGS_H_

// What a kernel of the lookup interaction is told, as plain data.
//
// A kernel computes one item: the row of y that belongs to one dense vector and its lookups.
//
//   value[0]     = the dense vector
//   value[1 + l] = the row of lookup l, or the sum of its rows, over their number (mean) or its
//                  root (sqrtn); zeros if it has no rows
//   y            = segments, one behind the other: values as they are, dots of two values, zeros
//
// Operands of dots. Float tables: the values. bfloat16: the values, rounded to bfloat16. int8: a
// single row as it lies, with its scale; a uint8 dense vector as it lies, minus its zero point; any
// other value x quantized by scale = max |x| / 127, and dots are whole numbers times
// (scale_i * scale_j). A value that is not finite gets the scale NaN.
//
// This header is included by files that are compiled for other instruction sets than the rest, so
// it may define nothing that the linker could share: plain data only.

#include <cstdint>

namespace tfsparse {

enum class TableType { kF32, kBf16, kS8 };
enum class Combiner { kSum, kMean, kSqrtN };

// Columns of y, as many as `size`.
struct InteractionSegment {
  enum Kind { kDots, kCopy, kZeros } kind;
  int64_t column;  // the first one
  int64_t size;    // at least 1, but for kCopy
  int32_t first;   // kCopy: the feature. kDots: the operand that is dotted with ..
  int32_t second;  //   .. the operands from here on, one per column
};

// Pitches of arrays of operands are multiples of this.
inline constexpr int64_t kOperandLanes = 16;

// A row of a table, and its scale if the table is int8.
struct TableRow {
  const void* data;
  const float* scale;
};

// Where the values of a feature lie: in a row of its table, or as floats.
struct FeatureValues {
  const TableRow* row;  // or null
  const float* floats;  // or null
};

// Memory of a thread, aligned to cache lines, a line more behind each part.
struct InteractionScratch {
  float* values;            // [features, value_pitch]
  FeatureValues* features;  // [features]
  unsigned char* rows;      // [operands, row_pitch], of those that are not used as they lie
  const void** row_at;      // [operands], where each lies
  unsigned char* lanes;     // [row_pitch / 4, operand_pitch], 4 bytes each
  float* dots;              // [operands, operand_pitch]
  float* scales;            // [operand_pitch]
  int32_t* shifts;          // [operand_pitch]
  int32_t* sums;            // [operand_pitch]
  float* y;                 // [columns]
};

// What all items of a call share.
struct InteractionArgs {
  TableType type;
  bool dense_is_u8;
  float dense_scale;  // x = scale * (q - zero_point)
  int32_t dense_zero_point;

  int64_t features;                // the dense vector, and each lookup
  const int64_t* widths;           // [features]
  const Combiner* combiners;       // [features], the first unused
  const unsigned char* is_copied;  // [features]: its values are wanted as they are
  int64_t value_pitch;             // the greatest width, rounded up to a line

  int64_t operands;            // features that are dotted, in their order
  const int32_t* features_of;  // [operands]
  const int64_t* row_begin;    // [operands]: operand i is dotted with operands row_begin[i] ..
  const int64_t* row_end;      //   row_end[i] - 1, or with none
  int64_t operand_pitch;       // operands, rounded up to kOperandLanes
  int64_t depth;               // their width
  int64_t row_pitch;           // 4 * depth, rounded up to a line

  const InteractionSegment* segments;
  int64_t segment_count;
  int64_t columns;
  bool y_is_u8;
  float inv_y_scale;     // uint8 y = round(y * this) + y_zero_point, in [0, 255], half to even;
  int32_t y_zero_point;  //   NaN gives 0
};

struct InteractionItem {
  const void* dense;      // null if there is none
  const TableRow* rows;   // of all lookups, one behind the other
  const int64_t* counts;  // [features - 1]: rows of each lookup
  void* y;
  // To be prefetched while the item is computed: rows of an item that comes later.
  const void* const* lines;
  int64_t line_count;
};

using InteractionFunction = void (*)(const InteractionArgs&, const InteractionItem&,
                                     const InteractionScratch&);

}  // namespace tfsparse

#endif  // TFSPARSE_CUSTOM_OPS_INTERACTION_INTERACTION_ARGS_H_
