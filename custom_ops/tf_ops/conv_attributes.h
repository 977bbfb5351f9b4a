#ifndef TFSPARSE_CUSTOM_OPS_TF_OPS_CONV_ATTRIBUTES_H_
#define TFSPARSE_CUSTOM_OPS_TF_OPS_CONV_ATTRIBUTES_H_

#include <cstdint>

#include "custom_ops/base/status.h"
#include "custom_ops/tf_ops/op_inputs.h"
#include "custom_ops/tf_ops/window_attributes.h"

namespace tfsparse {

// The attributes of a convolution, as its shape function and its kernel read them.
class ConvAttributes {
 public:
  // From a context of either kind. Fails unless they are in range.
  template <class Context>
  absl::Status Read(Context* context) {
    TF_RETURN_IF_ERROR(context->GetAttr("filters", &filters_));
    TF_RETURN_IF_ERROR(context->GetAttr("groups", &groups_));
    TF_RETURN_IF_ERROR(context->GetAttr("inputs", &inputs_));
    TF_RETURN_IF_ERROR(ToAbsl(Check()));
    return window_.Read(context, "kernel_size", /*has_dilations=*/true);
  }

  int64_t filters() const { return filters_; }
  int64_t groups() const { return groups_; }
  const WindowAttributes& window() const { return window_; }

  // Fails unless x may have so many channels.
  Status CheckChannels(int64_t channels) const;

 private:
  Status Check() const;

  int64_t filters_ = 1, groups_ = 1, inputs_ = 0;
  WindowAttributes window_;
};

}  // namespace tfsparse

#endif  // TFSPARSE_CUSTOM_OPS_TF_OPS_CONV_ATTRIBUTES_H_
