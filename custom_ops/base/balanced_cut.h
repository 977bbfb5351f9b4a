#ifndef TFSPARSE_CUSTOM_OPS_BASE_BALANCED_CUT_H_
#define TFSPARSE_CUSTOM_OPS_BASE_BALANCED_CUT_H_

#include <algorithm>
#include <cstdint>
#include <vector>

namespace tfsparse {

// Where part `part` of `parts` begins when items are cut into consecutive
// ranges of even weight: items [BalancedCut(p), BalancedCut(p + 1)) are part p,
// and no part outweighs its even share by more than one item. `prefix` has the
// weight of all items before item i at place i, and that of all items last.
//
// Rows of a pruned matrix differ in how many blocks are left, so threads that
// get the same number of rows would wait for the one with the fullest rows.
inline int64_t BalancedCut(const std::vector<int64_t>& prefix, int64_t part, int64_t parts) {
  const int64_t items = static_cast<int64_t>(prefix.size()) - 1;
  if (part >= parts) return items;
  const int64_t share = static_cast<int64_t>(static_cast<__int128>(prefix.back()) * part / parts);
  return std::lower_bound(prefix.begin(), prefix.end() - 1, share) - prefix.begin();
}

}  // namespace tfsparse

#endif  // TFSPARSE_CUSTOM_OPS_BASE_BALANCED_CUT_H_
