#include "custom_ops/conv/conv_geometry.h"

#include <limits>

namespace tfsparse {
namespace {

constexpr int64_t kMax = std::numeric_limits<int32_t>::max();

Status CheckRange(const char* what, const char* axis, int64_t value, int64_t min) {
  if (value >= min && value <= kMax) return {};
  return Status::Invalid("The ", what, " along the ", axis, " should be from ", min, " to ", kMax,
                         ". Received: ", value);
}

// TensorFlow divides towards zero, so that an image which lacks less than a stride has no output,
// and one that lacks more is an error.
Status CheckOutput(const char* name, const ConvAxis& axis) {
  if (axis.reach() - axis.padded() < 2 * axis.stride) return {};
  return Status::Invalid(
      "The ", name, " of `x` should not be smaller than its kernel by twice the ",
      "stride. Received: ", axis.padded(), " with padding, a kernel that reaches ", "over ",
      axis.reach(), ", stride ", axis.stride);
}

Status CheckGroups(const ConvGeometry& g) {
  if (g.groups >= 1 && g.filters >= 1 && g.channels >= 0 && g.channels % g.groups == 0 &&
      g.filters % g.groups == 0) {
    return {};
  }
  return Status::Invalid("`groups` should divide the channels of `x` and `filters`. Received: ",
                         "groups=", g.groups, ", channels=", g.channels, ", filters=", g.filters);
}

Status CheckInputs(const ConvGeometry& g) {
  int64_t inputs;
  if (!__builtin_mul_overflow(g.height.kernel * g.width.kernel, g.group_channels(), &inputs) &&
      inputs <= kMaxInputs) {
    return {};
  }
  return Status::Invalid("A filter should have at most ", kMaxInputs,
                         " inputs. Received: ", g.height.kernel, " x ", g.width.kernel, " x ",
                         g.group_channels());
}

Status CheckPixels(const char* name, int64_t batch, int64_t height, int64_t width) {
  int64_t pixels;
  if (!__builtin_mul_overflow(height, width, &pixels) &&
      !__builtin_mul_overflow(pixels, batch, &pixels)) {
    return {};
  }
  return Status::Invalid("The pixels of `", name, "` should fit in 64 bits. Received: ", batch,
                         " x ", height, " x ", width);
}

}  // namespace

Status ValidateWindow(const ConvAxis& axis, const char* name) {
  for (const Status& status :
       {CheckRange("kernel", name, axis.kernel, 1), CheckRange("stride", name, axis.stride, 1),
        CheckRange("dilation", name, axis.dilation, 1),
        CheckRange("padding before", name, axis.before, 0),
        CheckRange("padding after", name, axis.after, 0)}) {
    if (!status.ok()) return status;
  }
  return {};
}

Status ValidateAxis(const ConvAxis& axis, const char* name) {
  if (Status status = CheckRange("size", name, axis.size, 0); !status.ok()) return status;
  if (Status status = ValidateWindow(axis, name); !status.ok()) return status;
  return CheckOutput(name, axis);
}

Status Validate(const ConvGeometry& geometry) {
  for (const Status& status : {ValidateAxis(geometry.height, "height"),
                               ValidateAxis(geometry.width, "width"), CheckGroups(geometry)}) {
    if (!status.ok()) return status;
  }
  if (Status status = CheckInputs(geometry); !status.ok()) return status;
  const ConvAxis &height = geometry.height, &width = geometry.width;
  if (Status status = CheckPixels("x", geometry.batch, height.size, width.size); !status.ok()) {
    return status;
  }
  return CheckPixels("y", geometry.batch, height.out(), width.out());
}

}  // namespace tfsparse
