#ifndef TFSPARSE_CUSTOM_OPS_INTERACTION_ROW_FINDER_H_
#define TFSPARSE_CUSTOM_OPS_INTERACTION_ROW_FINDER_H_

// From ids to rows of tables: the only place where ids are read. A row that is found is inside its
// table.
//
// A block of items is done lookup by lookup, since ids of a lookup follow each other in memory.

#include <cstdint>
#include <vector>

#include "custom_ops/base/status.h"
#include "custom_ops/interaction/interaction_args.h"
#include "custom_ops/interaction/lookup_interaction.h"

namespace tfsparse {

// What Find gives, and its memory.
struct FoundRows {
  std::vector<int64_t> rows, first;
  BlockRows view = {};
};

class RowFinder {
 public:
  // Both have to outlive this.
  RowFinder(const InteractionPlan& plan, const InteractionCall& call);

  // Finds the rows of items from `begin` to `end`, kBlockItems at the most. Fails on the first id
  // that is outside its table, with *item its item. Throws std::bad_alloc.
  Status Find(int64_t begin, int64_t end, FoundRows* found, int64_t* item) const;

  const LookupTable* tables() const { return tables_.data(); }

 private:
  struct Source {
    const InteractionInts* ids;
    const InteractionInts* splits;  // or null; then item i has `count` ids from `start` on
    int64_t columns, start, count;
    int64_t offset;
    bool wraps_negative;
    int64_t rows;
  };

  static int64_t Begin(const Source& source, int64_t item);
  static int64_t Count(const Source& source, int64_t item);
  static int64_t RowOf(const Source& source, int64_t id);
  template <class Int>
  static bool FindIn(const Source& source, int64_t begin, int64_t end, int64_t* rows);
  Status Outside(int64_t begin, int64_t end, int64_t* item) const;

  const InteractionPlan& plan_;
  std::vector<Source> sources_;
  std::vector<LookupTable> tables_;
};

}  // namespace tfsparse

#endif  // TFSPARSE_CUSTOM_OPS_INTERACTION_ROW_FINDER_H_
