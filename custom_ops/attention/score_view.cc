#include "custom_ops/attention/score_view.h"

#include <string>

namespace tfsparse {

Status ViewScores(const char* name, const std::vector<int64_t>& shape, const int64_t (&sizes)[4],
                  ScoreView* view) {
  int64_t strides[4] = {0, 0, 0, 0};
  int64_t stride = 1;
  bool fits = shape.size() <= 4;
  for (size_t i = 0; fits && i < shape.size(); ++i) {
    const size_t axis = 3 - i;
    const int64_t size = shape[shape.size() - 1 - i];
    fits = size == 1 || size < 0 || sizes[axis] < 0 || size == sizes[axis];
    strides[axis] = size == 1 ? 0 : stride;
    // In a tensor that exists, this fits; the strides of another one mean nothing.
    if (__builtin_mul_overflow(stride, size, &stride)) stride = 0;
  }
  if (!fits) {
    std::string received, wanted;
    for (int64_t size : shape) received += (received.empty() ? "" : ",") + std::to_string(size);
    for (int64_t size : sizes) wanted += (wanted.empty() ? "" : ",") + std::to_string(size);
    return Status::Invalid("`", name, "` should have a shape that can be broadcast to [", wanted,
                           "], or [0]. Received: shape=[", received, "]");
  }
  *view = {strides[0], strides[1], strides[2], strides[3]};
  return {};
}

}  // namespace tfsparse
