#ifndef TFSPARSE_CUSTOM_OPS_ATTENTION_SCORE_VIEW_H_
#define TFSPARSE_CUSTOM_OPS_ATTENTION_SCORE_VIEW_H_

#include <cstdint>
#include <vector>

#include "custom_ops/base/status.h"

namespace tfsparse {

// Where a bias or a mask has its element for a score: a tensor that is broadcast to
// [B, H, T, S], its axes aligned with the last ones as NumPy does it. A stride of 0 is an axis
// that all share.
struct ScoreView {
  int64_t batch = 0, head = 0, query = 0, key = 0;
};

// The view of a tensor of this shape; `sizes` is {B, H, T, S}. Sizes below 0 are unknown, and the
// view then means nothing. Fails unless the shape can be broadcast.
Status ViewScores(const char* name, const std::vector<int64_t>& shape, const int64_t (&sizes)[4],
                  ScoreView* view);

}  // namespace tfsparse

#endif  // TFSPARSE_CUSTOM_OPS_ATTENTION_SCORE_VIEW_H_
