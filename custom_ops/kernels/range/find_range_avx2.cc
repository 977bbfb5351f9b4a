#include "custom_ops/kernels/isa/avx2.h"
#include "custom_ops/kernels/range/find_range.h"

namespace tfsparse {

Range FindRangeAvx2(const float* x, int64_t count) { return FindRange(x, count); }

}  // namespace tfsparse
