#include "benchmarks/onednn_conv.h"

#include <dnnl.hpp>

#include "benchmarks/onednn_primitive.h"

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

class Dense : public OneDnnConv {
 public:
  Dense(const ConvGeometry& g, const Types& types, const void* w, const std::vector<float>& scale,
        const std::vector<float>& bias)
      : convolution_(
            [&](const auto& engine, const auto& attr) { return Describe(engine, g, types, attr); },
            {{g.filters, g.channels, g.height.kernel, g.width.kernel}, types.w, Tag::ohwi}, w,
            /*scaled_axis=*/0, scale, types.bias, bias) {}

  void Run(const void* x, void* y) override { convolution_.Run(x, y); }

 private:
  OneDnnPrimitive<convolution_forward> convolution_;
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
