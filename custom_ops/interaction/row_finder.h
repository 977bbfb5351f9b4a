#ifndef TFSPARSE_CUSTOM_OPS_INTERACTION_ROW_FINDER_H_
#define TFSPARSE_CUSTOM_OPS_INTERACTION_ROW_FINDER_H_

// From the ids of an item to the rows of its lookups: the only place where ids are read. A row that
// is found is inside its table.

#include <cstdint>
#include <vector>

#include "custom_ops/base/status.h"
#include "custom_ops/interaction/lookup_interaction.h"

namespace tfsparse {

// The rows of an item.
struct FoundRows {
  std::vector<TableRow> rows;      // of all lookups, one behind the other
  std::vector<int64_t> counts;     // rows of each lookup
  std::vector<const void*> lines;  // of the cache, which the rows and their scales are in
  int64_t line_count = 0;
};

class RowFinder {
 public:
  // Both have to outlive this.
  RowFinder(const InteractionPlan& plan, const InteractionCall& call);

  // Fails on the first id that is outside its table. Throws std::bad_alloc.
  Status Find(int64_t item, FoundRows* found) const;

 private:
  // A lookup, and all that finding its rows takes.
  struct Source {
    const InteractionInts* ids;
    const InteractionInts* splits;  // or null; then item i has `count` ids from `start` on
    int64_t columns, start, count;
    int64_t offset;
    bool wraps_negative;
    const char* data;
    int64_t rows, row_size;
    const float* scales;
    int64_t scale_step;
    int64_t max_lines;  // of a row and its scale
  };

  static int64_t RowOf(const Source& source, int64_t id);
  template <class Int>
  static bool FindIn(const Source& source, int64_t begin, int64_t count, TableRow* rows,
                     const void*** lines, int64_t* bad);
  Status Outside(size_t lookup, int64_t item, int64_t at) const;

  const InteractionPlan& plan_;
  std::vector<Source> sources_;
};

}  // namespace tfsparse

#endif  // TFSPARSE_CUSTOM_OPS_INTERACTION_ROW_FINDER_H_
