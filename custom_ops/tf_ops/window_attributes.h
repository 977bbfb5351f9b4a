#ifndef TFSPARSE_CUSTOM_OPS_TF_OPS_WINDOW_ATTRIBUTES_H_
#define TFSPARSE_CUSTOM_OPS_TF_OPS_WINDOW_ATTRIBUTES_H_

#include <cstdint>
#include <string>
#include <vector>

#include "custom_ops/base/status.h"
#include "custom_ops/conv/conv_geometry.h"
#include "custom_ops/tf_ops/op_inputs.h"
#include "tensorflow/core/framework/shape_inference.h"

namespace tfsparse {

// The attributes of what moves a window over images, as shape functions and kernels read them: what
// they say about x of any size.
class WindowAttributes {
 public:
  // From a context of either kind; `size_name` is the attribute with the window's sizes. A graph
  // from a file reaches a shape function before TensorFlow has checked its attributes. Fails unless
  // they are in range.
  template <class Context>
  absl::Status Read(Context* context, const char* size_name, bool has_dilations) {
    Lists lists;
    TF_RETURN_IF_ERROR(context->GetAttr("padding", &lists.padding));
    TF_RETURN_IF_ERROR(context->GetAttr(size_name, &lists.sizes));
    TF_RETURN_IF_ERROR(context->GetAttr("strides", &lists.strides));
    if (has_dilations) {
      TF_RETURN_IF_ERROR(context->GetAttr("dilations", &lists.dilations));
    } else {
      lists.dilations = {1, 1};
    }
    TF_RETURN_IF_ERROR(context->GetAttr("paddings", &lists.paddings));
    return ToAbsl(Check(lists, size_name));
  }

  // Along an axis of x of `size`.
  ConvAxis height(int64_t size) const { return AxisOf(height_, size); }
  ConvAxis width(int64_t size) const { return AxisOf(width_, size); }

  // y's shape for x [N, H, W, C], as far as that is known.
  absl::Status OutputShape(tensorflow::shape_inference::InferenceContext* c,
                           tensorflow::shape_inference::ShapeHandle x,
                           tensorflow::shape_inference::DimensionHandle channels,
                           tensorflow::shape_inference::ShapeHandle* y) const;

 private:
  struct Lists {
    std::string padding;
    std::vector<int64_t> sizes, strides, dilations, paddings;
  };

  Status Check(const Lists& lists, const char* size_name);
  ConvAxis AxisOf(ConvAxis axis, int64_t size) const;

  bool is_same_ = false;
  ConvAxis height_, width_;
};

}  // namespace tfsparse

#endif  // TFSPARSE_CUSTOM_OPS_TF_OPS_WINDOW_ATTRIBUTES_H_
