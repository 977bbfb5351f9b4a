#ifndef TFSPARSE_CUSTOM_OPS_CONV_CONV_GEOMETRY_H_
#define TFSPARSE_CUSTOM_OPS_CONV_CONV_GEOMETRY_H_

#include <algorithm>
#include <cstdint>

#include "custom_ops/base/status.h"

namespace tfsparse {

// One of the two axes of an image that a kernel moves along.
struct ConvAxis {
  int64_t size = 0;  // of x
  int64_t kernel = 1;
  int64_t stride = 1;
  int64_t dilation = 1;
  int64_t before = 0;  // padding
  int64_t after = 0;

  // Places that a kernel reaches over, its gaps included.
  int64_t reach() const { return (kernel - 1) * dilation + 1; }
  int64_t padded() const { return before + size + after; }
  // Of y: places where the whole kernel fits in.
  int64_t out() const { return padded() < reach() ? 0 : (padded() - reach()) / stride + 1; }
  // Whether y's places are x's, one for one.
  bool is_same_places() const { return kernel == 1 && stride == 1 && before == 0 && after == 0; }
  // Padding such that out() is size / stride, rounded up: TensorFlow's SAME.
  void PadToSame() {
    const int64_t places = size / stride + (size % stride != 0);
    const int64_t last = (places - 1) * stride;
    const int64_t missing = std::max<int64_t>(0, reach() - (size - last));
    before = missing / 2;
    after = missing - before;
  }
};

// A convolution of images [batch, height, width, channels] by `filters` kernels over
// channels / groups channels each. Group g has filters g * filters / groups and on, and channels
// likewise.
struct ConvGeometry {
  int64_t batch = 0;
  ConvAxis height;
  ConvAxis width;
  int64_t channels = 0;
  int64_t filters = 1;
  int64_t groups = 1;

  int64_t group_channels() const { return channels / groups; }
  int64_t group_filters() const { return filters / groups; }
  // Inputs of a filter: rows of its kernel, then columns, then channels.
  int64_t inputs() const { return height.kernel * width.kernel * group_channels(); }
  // Of y. Beside an image without pixels the batch may be as large as it likes.
  int64_t pixels() const { return batch * (height.out() * width.out()); }
};

// Fails unless the window's sizes are such that nothing can overflow: kernels, strides and
// dilations from 1, paddings from 0, all below 2^31.
Status ValidateWindow(const ConvAxis& axis, const char* name);

// Fails where ValidateWindow does, where the size is not in range, and where TensorFlow takes that
// of y for negative.
Status ValidateAxis(const ConvAxis& axis, const char* name);

// Inputs that a filter may have. A kernel of a file may cover more than there is memory for where
// it stores no weights and covers padding: packing takes up to 200 bytes of each input.
inline constexpr int64_t kMaxInputs = int64_t{1} << 22;

// Fails where ValidateAxis does, where groups do not divide channels and filters, where a filter
// has too many inputs, and where the pixels of x or y do not fit in 64 bits.
Status Validate(const ConvGeometry& geometry);

}  // namespace tfsparse

#endif  // TFSPARSE_CUSTOM_OPS_CONV_CONV_GEOMETRY_H_
