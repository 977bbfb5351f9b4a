#ifndef TFSPARSE_BENCHMARKS_ONEDNN_PRIMITIVE_H_
#define TFSPARSE_BENCHMARKS_ONEDNN_PRIMITIVE_H_

// What the baselines of products and convolutions share: a primitive of oneDNN's with bias and ReLU
// fused, whose weights are reordered beforehand into the layout that it likes best.
//
// oneDNN 3 takes a primitive's arguments directly, oneDNN 2 in a descriptor; and scales moved from
// the attributes to an argument.

#include <cmath>
#include <cstdint>
#include <dnnl.hpp>
#include <unordered_map>
#include <vector>

namespace tfsparse {

template <class Primitive>
class OneDnnPrimitive {
 public:
  using Type = dnnl::memory::data_type;

  // describe(engine, attributes) gives the primitive's descriptor. `weights` says how w lies, and
  // `scaled_axis` which of its axes are the outputs, with a scale each, or none for floats. A bias
  // of Type::s32 is rounded.
  template <class Describe>
  OneDnnPrimitive(const Describe& describe, const dnnl::memory::desc& weights, const void* w,
                  int scaled_axis, const std::vector<float>& scale, Type bias_type,
                  const std::vector<float>& bias)
      : engine_(dnnl::engine::kind::cpu, 0),
        stream_(engine_),
        descriptor_(describe(engine_, Attributes(scale, scaled_axis))),
        primitive_(descriptor_),
        bias_values_(bias),
        scale_values_(scale) {
    dnnl::memory plain(weights, engine_, const_cast<void*>(w));
    dnnl::memory best(descriptor_.weights_desc(), engine_);
    dnnl::reorder(plain, best).execute(stream_, plain, best);
    arguments_ = {{DNNL_ARG_WEIGHTS, best},
                  {DNNL_ARG_SRC, dnnl::memory(descriptor_.src_desc(), engine_, nullptr)},
                  {DNNL_ARG_DST, dnnl::memory(descriptor_.dst_desc(), engine_, nullptr)}};
    SetBias(bias_type);
#if DNNL_VERSION_MAJOR >= 3
    if (!scale.empty()) {
      const auto outputs = static_cast<dnnl::memory::dim>(scale.size());
      arguments_[DNNL_ARG_ATTR_SCALES | DNNL_ARG_WEIGHTS] = dnnl::memory(
          {{outputs}, Type::f32, dnnl::memory::format_tag::a}, engine_, scale_values_.data());
    }
#endif
    stream_.wait();
  }

  void Run(const void* x, void* y) {
    arguments_[DNNL_ARG_SRC].set_data_handle(const_cast<void*>(x));
    arguments_[DNNL_ARG_DST].set_data_handle(y);
    primitive_.execute(stream_, arguments_);
    stream_.wait();
  }

 private:
  static dnnl::primitive_attr Attributes(const std::vector<float>& scale,
                                         [[maybe_unused]] int scaled_axis) {
    dnnl::primitive_attr attr;
    dnnl::post_ops relu;
#if DNNL_VERSION_MAJOR >= 3
    relu.append_eltwise(dnnl::algorithm::eltwise_relu, 0, 0);
    if (!scale.empty()) attr.set_scales_mask(DNNL_ARG_WEIGHTS, 1 << scaled_axis);
#else
    relu.append_eltwise(1.0f, dnnl::algorithm::eltwise_relu, 0, 0);
    if (!scale.empty()) attr.set_output_scales(1 << 1, scale);  // axis 1 of y
#endif
    attr.set_post_ops(relu);
    return attr;
  }

  void SetBias(Type type) {
    void* data = bias_values_.data();
    if (type == Type::s32) {
      for (float b : bias_values_) bias_sums_.push_back(static_cast<int32_t>(std::lround(b)));
      data = bias_sums_.data();
    }
    arguments_[DNNL_ARG_BIAS] = dnnl::memory(descriptor_.bias_desc(), engine_, data);
  }

  dnnl::engine engine_;
  dnnl::stream stream_;
  typename Primitive::primitive_desc descriptor_;
  Primitive primitive_;
  std::vector<float> bias_values_;
  std::vector<int32_t> bias_sums_;
  std::vector<float> scale_values_;
  std::unordered_map<int, dnnl::memory> arguments_;
};

}  // namespace tfsparse

#endif  // TFSPARSE_BENCHMARKS_ONEDNN_PRIMITIVE_H_
