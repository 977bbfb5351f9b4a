#ifndef TFSPARSE_CUSTOM_OPS_TF_OPS_CONV_ATTRIBUTES_H_
#define TFSPARSE_CUSTOM_OPS_TF_OPS_CONV_ATTRIBUTES_H_

#include <cstdint>
#include <string>
#include <vector>

#include "custom_ops/base/status.h"
#include "custom_ops/conv/conv_geometry.h"
#include "custom_ops/tf_ops/op_inputs.h"

namespace tfsparse {

// The attributes of a convolution, as its shape function and its kernel read them: what they say
// about x of any size.
class ConvAttributes {
 public:
  // From a context of either kind. A graph from a file reaches a shape function before TensorFlow
  // has checked its attributes. Fails unless they are in range.
  template <class Context>
  absl::Status Read(Context* context) {
    Lists lists;
    TF_RETURN_IF_ERROR(context->GetAttr("filters", &filters_));
    TF_RETURN_IF_ERROR(context->GetAttr("groups", &groups_));
    TF_RETURN_IF_ERROR(context->GetAttr("inputs", &inputs_));
    TF_RETURN_IF_ERROR(context->GetAttr("padding", &lists.padding));
    TF_RETURN_IF_ERROR(context->GetAttr("kernel_size", &lists.kernel_size));
    TF_RETURN_IF_ERROR(context->GetAttr("strides", &lists.strides));
    TF_RETURN_IF_ERROR(context->GetAttr("dilations", &lists.dilations));
    TF_RETURN_IF_ERROR(context->GetAttr("paddings", &lists.paddings));
    return ToAbsl(Check(lists));
  }

  int64_t filters() const { return filters_; }
  int64_t groups() const { return groups_; }

  // Fails unless x may have so many channels.
  Status CheckChannels(int64_t channels) const;

  // Along an axis of x of `size`.
  ConvAxis height(int64_t size) const { return AxisOf(height_, size); }
  ConvAxis width(int64_t size) const { return AxisOf(width_, size); }

 private:
  struct Lists {
    std::string padding;
    std::vector<int64_t> kernel_size, strides, dilations, paddings;
  };

  Status Check(const Lists& lists);
  ConvAxis AxisOf(ConvAxis axis, int64_t size) const;

  int64_t filters_ = 1, groups_ = 1, inputs_ = 0;
  bool is_same_ = false;
  ConvAxis height_, width_;
};

}  // namespace tfsparse

#endif  // TFSPARSE_CUSTOM_OPS_TF_OPS_CONV_ATTRIBUTES_H_
