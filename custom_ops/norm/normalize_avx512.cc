#include "custom_ops/norm/normalize_avx512.h"

#include "custom_ops/norm/normalize_rows.h"

namespace tfsparse {

void NormalizeAvx512(const NormalizeArgs& args) { NormalizeRows(args); }

}  // namespace tfsparse
