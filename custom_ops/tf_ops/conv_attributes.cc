#include "custom_ops/tf_ops/conv_attributes.h"

namespace tfsparse {
namespace {

Status CheckMin(const char* name, int64_t value, int64_t min) {
  if (value >= min) return {};
  return Status::Invalid("`", name, "` should be at least ", min, ". Received: ", name, "=", value);
}

}  // namespace

Status ConvAttributes::Check() const {
  for (const Status& status : {CheckMin("filters", filters_, 1), CheckMin("groups", groups_, 1),
                               CheckMin("inputs", inputs_, 0)}) {
    if (!status.ok()) return status;
  }
  if (filters_ % groups_ == 0) return {};
  return Status::Invalid("`groups` should divide `filters`. Received: groups=", groups_,
                         ", filters=", filters_);
}

Status ConvAttributes::CheckChannels(int64_t channels) const {
  if (inputs_ > 0 && channels != inputs_) {
    return Status::Invalid("`x` should have ", inputs_, " channels. Received: ", channels);
  }
  if (channels % groups_ == 0) return {};
  return Status::Invalid("`groups` should divide the channels of `x`. Received: groups=", groups_,
                         ", channels=", channels);
}

}  // namespace tfsparse
