#include "custom_ops/conv/filter_group.h"

namespace tfsparse {

Status CheckGroups(const BlockStructure& matrix, int64_t groups) {
  if (groups < 1 || matrix.out % groups != 0) {
    return Status::Invalid("`groups` should divide the filters. Received: groups=", groups, ", ",
                           matrix.out, " filters");
  }
  if (groups > 1 && matrix.out / groups % matrix.block_out != 0) {
    return Status::Invalid(
        "Blocks should divide the filters of a group. Received: ", matrix.out / groups,
        " filters in a group, blocks of ", matrix.block_out, " outputs");
  }
  return {};
}

}  // namespace tfsparse
