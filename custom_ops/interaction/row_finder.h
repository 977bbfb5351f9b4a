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
  std::vector<TableRow> rows;   // of all lookups, one behind the other
  std::vector<int64_t> counts;  // rows of each lookup
};

class RowFinder {
 public:
  // Both have to outlive this.
  RowFinder(const InteractionPlan& plan, const InteractionCall& call);

  // Fails on the first id that is outside its table. Throws std::bad_alloc.
  Status Find(int64_t item, FoundRows* found) const;

  // Asks for the rows, without waiting.
  void Prefetch(const FoundRows& found) const;

 private:
  bool FindBag(const Lookup& lookup, int64_t begin, int64_t count, TableRow* rows,
               int64_t* bad) const;
  Status Outside(const Lookup& lookup, int64_t begin, int64_t item, int64_t at) const;

  const InteractionPlan& plan_;
  const InteractionCall& call_;
  int64_t element_size_;
};

}  // namespace tfsparse

#endif  // TFSPARSE_CUSTOM_OPS_INTERACTION_ROW_FINDER_H_
