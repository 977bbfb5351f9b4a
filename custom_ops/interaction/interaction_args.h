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

// The table of a lookup: row r is at data + r * row_size, its scale at scales + r * scale_step.
struct LookupTable {
  const char* data;
  int64_t row_size;  // bytes
  const float* scales;
  int64_t scale_step;    // 1 or 0
  bool has_single_rows;  // each item has one
};

// A row of a table, and its scale if the table is int8.
struct TableRow {
  const void* data;
  const float* scale;
};

// Rows that some neighbouring items look up: item i of lookup l has rows[k] of its table, k from
// first[l * kFirstPitch + i] to first[l * kFirstPitch + i + 1].
inline constexpr int64_t kBlockItems = 32, kFirstPitch = kBlockItems + 1;
struct BlockRows {
  const int64_t* rows;
  const int64_t* first;
};

// Where the values of a feature lie: in a row of its table, or as floats.
struct FeatureValues {
  TableRow row;         // null unless it is one row
  const float* floats;  // or null
};

// Items that a kernel may take together, at the most, and elements that their operands are cut
// into.
inline constexpr int64_t kMaxGroup = 16, kGroupDepth = 32;

// Memory of a thread, aligned to cache lines, a line more behind each part. `group`: items at a
// time.
struct InteractionScratch {
  float* values;            // [group, features, value_pitch]
  FeatureValues* features;  // [group, features]
  unsigned char* rows;      // [group, operands, row_pitch], of those that are not used as they lie
  int64_t stride;           // from an operand to the next in these three: group, or 1
  const void** row_at;      // [operands, group], where each lies
  float* scales;            // [operand_pitch, group]
  int32_t* shifts;          // [operand_pitch, group]
  int32_t* sums;            // [operand_pitch, group]
  unsigned char* lanes;     // [row_pitch / 4, operand_pitch], 4 bytes each; of a group,
                            //   [operands, kGroupDepth, group]
  float* dots;              // [operands, operand_pitch, group]
  float* y;                 // [columns]
};

// What all items of a call share.
struct InteractionArgs {
  TableType type;
  bool dense_is_u8;
  float dense_scale;  // x = scale * (q - zero_point)
  int32_t dense_zero_point;

  const LookupTable* tables;       // [features - 1]
  int64_t features;                // the dense vector, and each lookup
  const int64_t* widths;           // [features]
  const Combiner* combiners;       // [features], the first unused
  const unsigned char* is_copied;  // [features]: its values are wanted as they are
  int64_t value_pitch;             // the greatest width, rounded up to a line

  int64_t operands;           // features that are dotted, in their order
  const int32_t* operand_of;  // [features]: the operand that it is, or -1
  const int64_t* row_begin;   // [operands]: operand i is dotted with operands row_begin[i] ..
  const int64_t* row_end;     //   row_end[i] - 1, or with none
  int64_t operand_pitch;      // operands, rounded up to kOperandLanes
  int64_t depth;              // their width
  int64_t row_pitch;          // 4 * depth, rounded up to a line

  const InteractionSegment* segments;
  int64_t segment_count;
  int64_t columns;
  bool y_is_u8;
  float inv_y_scale;     // uint8 y = round(y * this) + y_zero_point, in [0, 255], half to even;
  int32_t y_zero_point;  //   NaN gives 0
};

struct InteractionItem {
  const void* dense;  // null if there is none
  const BlockRows* block;
  int64_t index;  // in the block
  void* y;
  // An item that comes later, whose rows are prefetched while this one is computed; or null.
  const BlockRows* next_block;
  int64_t next_index;
  const void* next_dense;
};

struct InteractionKernel {
  void (*run)(const InteractionArgs&, const InteractionItem&, const InteractionScratch&);
  // Of `group` items; or null.
  void (*run_group)(const InteractionArgs&, const InteractionItem*, const InteractionScratch&);
  int64_t group;
};

}  // namespace tfsparse

#endif  // TFSPARSE_CUSTOM_OPS_INTERACTION_INTERACTION_ARGS_H_
