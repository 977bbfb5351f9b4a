#include "custom_ops/kernels/find_range.h"
#include "custom_ops/kernels/isa/avx2.h"

namespace tfsparse {

Range FindRangeAvx2(const float* x, int64_t count) { return FindRange(x, count); }

}  // namespace tfsparse
