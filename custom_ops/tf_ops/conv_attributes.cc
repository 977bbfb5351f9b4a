#include "custom_ops/tf_ops/conv_attributes.h"

#include <algorithm>

namespace tfsparse {
namespace {

Status CheckLength(const char* name, const std::vector<int64_t>& list, size_t length) {
  if (list.size() == length) return {};
  return Status::Invalid("`", name, "` should have ", length, " elements. Received: ", list.size());
}

Status CheckLeast(const char* name, int64_t value, int64_t least) {
  if (value >= least) return {};
  return Status::Invalid("`", name, "` should be at least ", least, ". Received: ", name, "=",
                         value);
}

}  // namespace

Status ConvAttributes::Check(const Lists& lists) {
  for (const Status& status :
       {CheckLeast("filters", filters_, 1), CheckLeast("groups", groups_, 1),
        CheckLeast("inputs", inputs_, 0), CheckLength("kernel_size", lists.kernel_size, 2),
        CheckLength("strides", lists.strides, 2), CheckLength("dilations", lists.dilations, 2),
        CheckLength("paddings", lists.paddings, 4)}) {
    if (!status.ok()) return status;
  }
  if (filters_ % groups_ != 0) {
    return Status::Invalid("`groups` should divide `filters`. Received: groups=", groups_,
                           ", filters=", filters_);
  }
  is_same_ = lists.padding == "SAME";
  if (!is_same_ && lists.padding != "EXPLICIT") {
    return Status::Invalid("`padding` should be EXPLICIT or SAME. Received: ", lists.padding);
  }
  if (is_same_ && std::count(lists.paddings.begin(), lists.paddings.end(), 0) != 4) {
    return Status::Invalid("`paddings` should be 0 beside padding=SAME. Received another one");
  }
  const auto axis = [&](int i) -> ConvAxis {
    return {0,
            lists.kernel_size[i],
            lists.strides[i],
            lists.dilations[i],
            lists.paddings[2 * i],
            lists.paddings[2 * i + 1]};
  };
  height_ = axis(0);
  width_ = axis(1);
  if (Status status = ValidateWindow(height_, "height"); !status.ok()) return status;
  return ValidateWindow(width_, "width");
}

Status ConvAttributes::CheckChannels(int64_t channels) const {
  if (inputs_ > 0 && channels != inputs_) {
    return Status::Invalid("`x` should have ", inputs_, " channels. Received: ", channels);
  }
  if (channels % groups_ == 0) return {};
  return Status::Invalid("`groups` should divide the channels of `x`. Received: groups=", groups_,
                         ", channels=", channels);
}

ConvAxis ConvAttributes::AxisOf(ConvAxis axis, int64_t size) const {
  axis.size = size;
  if (is_same_) axis.PadToSame();
  return axis;
}

}  // namespace tfsparse
