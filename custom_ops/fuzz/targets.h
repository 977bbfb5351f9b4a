#ifndef TFSPARSE_CUSTOM_OPS_FUZZ_TARGETS_H_
#define TFSPARSE_CUSTOM_OPS_FUZZ_TARGETS_H_

#include <vector>

#include "custom_ops/fuzz/target.h"

namespace tfsparse {

// All ops that are fuzzed, in turn.
const std::vector<Target>& Targets();

}  // namespace tfsparse

#endif  // TFSPARSE_CUSTOM_OPS_FUZZ_TARGETS_H_
