#include "benchmarks/onednn_conv.h"

#include <cmath>
#include <dnnl.hpp>
#include <unordered_map>

namespace tfsparse {
namespace {

using dnnl::convolution_forward;
using dnnl::memory;
using Tag = memory::format_tag;
using Type = memory::data_type;

struct Types {
  Type x, w, bias, y;
};

convolution_forward::primitive_desc Describe(const dnnl::engine& engine, const ConvGeometry& g,
                                             const Types& types, const dnnl::primitive_attr& attr) {
  const memory::desc x({g.batch, g.channels, g.height.size, g.width.size}, types.x, Tag::nhwc);
  const memory::desc w({g.filters, g.channels, g.height.kernel, g.width.kernel}, types.w, Tag::any);
  const memory::desc bias({g.filters}, types.bias, Tag::a);
  const memory::desc y({g.batch, g.filters, g.height.out(), g.width.out()}, types.y, Tag::nhwc);
  const memory::dims strides = {g.height.stride, g.width.stride};
  const memory::dims dilates = {g.height.dilation - 1, g.width.dilation - 1};
  const memory::dims before = {g.height.before, g.width.before};
  const memory::dims after = {g.height.after, g.width.after};
  const auto kind = dnnl::prop_kind::forward_inference;
  const auto algorithm = dnnl::algorithm::convolution_direct;
#if DNNL_VERSION_MAJOR >= 3
  return convolution_forward::primitive_desc(engine, kind, algorithm, x, w, bias, y, strides,
                                             dilates, before, after, attr);
#else
  return convolution_forward::primitive_desc(
      convolution_forward::desc(kind, algorithm, x, w, bias, y, strides, dilates, before, after),
      attr, engine);
#endif
}

dnnl::primitive_attr Attributes(const std::vector<float>& scale) {
  dnnl::primitive_attr attr;
  dnnl::post_ops relu;
#if DNNL_VERSION_MAJOR >= 3
  relu.append_eltwise(dnnl::algorithm::eltwise_relu, 0, 0);
  if (!scale.empty()) attr.set_scales_mask(DNNL_ARG_WEIGHTS, 1 << 0);
#else
  relu.append_eltwise(1.0f, dnnl::algorithm::eltwise_relu, 0, 0);
  if (!scale.empty()) attr.set_output_scales(1 << 1, scale);
#endif
  attr.set_post_ops(relu);
  return attr;
}

class Dense : public OneDnnConv {
 public:
  Dense(const ConvGeometry& g, const Types& types, const void* w, const std::vector<float>& scale,
        const std::vector<float>& bias)
      : engine_(dnnl::engine::kind::cpu, 0),
        stream_(engine_),
        descriptor_(Describe(engine_, g, types, Attributes(scale))),
        primitive_(descriptor_),
        bias_values_(bias),
        scale_values_(scale) {
    memory plain({{g.filters, g.channels, g.height.kernel, g.width.kernel}, types.w, Tag::ohwi},
                 engine_, const_cast<void*>(w));
    memory best(descriptor_.weights_desc(), engine_);
    dnnl::reorder(plain, best).execute(stream_, plain, best);
    arguments_ = {{DNNL_ARG_WEIGHTS, best},
                  {DNNL_ARG_SRC, memory(descriptor_.src_desc(), engine_, nullptr)},
                  {DNNL_ARG_DST, memory(descriptor_.dst_desc(), engine_, nullptr)}};
    void* data = bias_values_.data();
    if (types.bias == Type::s32) {
      for (float b : bias) bias_sums_.push_back(static_cast<int32_t>(std::lround(b)));
      data = bias_sums_.data();
    }
    arguments_[DNNL_ARG_BIAS] = memory(descriptor_.bias_desc(), engine_, data);
#if DNNL_VERSION_MAJOR >= 3
    if (!scale.empty()) {
      arguments_[DNNL_ARG_ATTR_SCALES | DNNL_ARG_WEIGHTS] =
          memory({{g.filters}, Type::f32, Tag::a}, engine_, scale_values_.data());
    }
#endif
    stream_.wait();
  }

  void Run(const void* x, void* y) override {
    arguments_[DNNL_ARG_SRC].set_data_handle(const_cast<void*>(x));
    arguments_[DNNL_ARG_DST].set_data_handle(y);
    primitive_.execute(stream_, arguments_);
    stream_.wait();
  }

 private:
  dnnl::engine engine_;
  dnnl::stream stream_;
  convolution_forward::primitive_desc descriptor_;
  convolution_forward primitive_;
  std::vector<float> bias_values_;
  std::vector<int32_t> bias_sums_;
  std::vector<float> scale_values_;
  std::unordered_map<int, memory> arguments_;
};

}  // namespace

std::unique_ptr<OneDnnConv> OneDnnConv::F32(const ConvGeometry& geometry,
                                            const std::vector<float>& w,
                                            const std::vector<float>& bias) {
  const Types types = {Type::f32, Type::f32, Type::f32, Type::f32};
  return std::make_unique<Dense>(geometry, types, w.data(), std::vector<float>(), bias);
}

std::unique_ptr<OneDnnConv> OneDnnConv::U8S8(const ConvGeometry& geometry,
                                             const std::vector<int8_t>& w,
                                             const std::vector<float>& scale,
                                             const std::vector<float>& bias) {
  const Types types = {Type::u8, Type::s8, Type::s32, Type::u8};
  return std::make_unique<Dense>(geometry, types, w.data(), scale, bias);
}

}  // namespace tfsparse
