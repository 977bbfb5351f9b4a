#ifndef TFSPARSE_CUSTOM_OPS_INTERACTION_INTERACTION_PLAN_H_
#define TFSPARSE_CUSTOM_OPS_INTERACTION_INTERACTION_PLAN_H_

// What a lookup interaction computes, whatever the tensors that it is called with.

#include <cstdint>
#include <string>
#include <vector>

#include "custom_ops/base/status.h"
#include "custom_ops/interaction/interaction_args.h"

namespace tfsparse {

// As the op's attributes have them. Lists per lookup are as long as `tables`, or empty for their
// defaults.
struct InteractionAttributes {
  int64_t table_count = 0, ids_count = 0, splits_count = 0;  // inputs there are
  std::vector<int64_t> tables, ids;    // of each lookup: its table, and its tensor of ids
  std::vector<int64_t> starts;         // first column of the ids: 0
  std::vector<int64_t> sizes;          // columns from there on: 1; -1 for all
  std::vector<int64_t> splits;         // its row splits, which then say where bags are: -1, none
  std::vector<int64_t> id_offsets;     // added to each id: 0
  std::vector<bool> wraps_negative;    // whether ids below 0 count from the table's end: false
  std::vector<std::string> combiners;  // 'sum', 'mean' or 'sqrtn': 'sum'
  std::vector<int64_t> columns;        // (i, j), (i, -1) or (-1, -1), one behind the other
};

struct Lookup {
  int64_t table, ids, splits;  // splits: -1 for none
  int64_t start, size;
  int64_t id_offset;
  bool wraps_negative;
  Combiner combiner;
};

struct InteractionPlan {
  static constexpr int64_t kMaxFeatures = 4096, kMaxEntries = 1 << 20;

  // Fails where a number is out of range or lists differ in length.
  static Status Create(const InteractionAttributes& attributes, InteractionPlan* plan);

  int64_t features() const { return static_cast<int64_t>(lookups.size()) + 1; }

  int64_t table_count = 0, ids_count = 0, splits_count = 0;
  std::vector<Lookup> lookups;
  // In order, neighbours joined; `column` is not set, nor `size` of copies.
  std::vector<InteractionSegment> segments;
  std::vector<Combiner> combiners;          // [features]
  std::vector<unsigned char> is_copied;     // [features]
  std::vector<int32_t> operands;            // features that are dotted
  std::vector<int64_t> row_begin, row_end;  // [operands]
};

}  // namespace tfsparse

#endif  // TFSPARSE_CUSTOM_OPS_INTERACTION_INTERACTION_PLAN_H_
