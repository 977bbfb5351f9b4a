#include "custom_ops/norm/normalize_avx2.h"

#include "custom_ops/norm/normalize_rows.h"

namespace tfsparse {

void NormalizeAvx2(const NormalizeArgs& args) { NormalizeRows(args); }

}  // namespace tfsparse
