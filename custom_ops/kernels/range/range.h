#ifndef TFSPARSE_CUSTOM_OPS_KERNELS_RANGE_RANGE_H_
#define TFSPARSE_CUSTOM_OPS_KERNELS_RANGE_RANGE_H_

namespace tfsparse {

// The least and the greatest of some values and 0.
struct Range {
  float min = 0, greatest = 0;
};

}  // namespace tfsparse

#endif  // TFSPARSE_CUSTOM_OPS_KERNELS_RANGE_RANGE_H_
