#include "custom_ops/conv/filter_group.h"

#include <limits>

namespace tfsparse {

Status CheckGroups(const BlockStructure& matrix, const FilterGroups& groups) {
  if (groups.count < 1 || matrix.out % groups.count != 0) {
    return Status::Invalid("`groups` should divide the filters. Received: groups=", groups.count,
                           ", ", matrix.out, " filters");
  }
  if (groups.count > 1 && matrix.out / groups.count % matrix.block_out != 0) {
    return Status::Invalid(
        "Blocks should divide the filters of a group. Received: ", matrix.out / groups.count,
        " filters in a group, blocks of ", matrix.block_out, " outputs");
  }
  if (groups.taps < 1 || matrix.in % groups.taps != 0) {
    return Status::Invalid("Taps should divide the inputs of a filter. Received: ", matrix.in,
                           " inputs, ", groups.taps, " taps");
  }
  return {};
}

int64_t GroupsToJoin(const BlockStructure& matrix, const FilterGroups& groups, int64_t channels) {
  const int64_t tap = matrix.in / groups.taps;
  if (tap == 0 || tap % matrix.block_in != 0) return 1;
  int64_t best = 1;
  for (int64_t count = 1; count <= groups.count && tap * best < channels; ++count) {
    if (matrix.in * count > std::numeric_limits<int32_t>::max()) break;
    if (groups.count % count == 0) best = count;
  }
  return best;
}

}  // namespace tfsparse
