#ifndef TFSPARSE_CUSTOM_OPS_CONV_CONV_PROBLEM_H_
#define TFSPARSE_CUSTOM_OPS_CONV_CONV_PROBLEM_H_

// What conv_test.cc convolves: random images with y between guards, and what they should give by
// plain loops over pixels, filters and taps.

#include <memory>
#include <ostream>
#include <random>
#include <type_traits>
#include <vector>

#include "custom_ops/conv/conv.h"
#include "custom_ops/engine/layer_problem.h"
#include "custom_ops/format/random_matrix.h"
#include "gtest/gtest.h"

namespace tfsparse {

struct ConvShape {
  const char* name;
  int64_t batch;
  ConvAxis height, width;
  int64_t channels, filters, groups, block_out, block_in;

  ConvGeometry geometry() const { return {batch, height, width, channels, filters, groups}; }
};

inline std::ostream& operator<<(std::ostream& stream, const ConvShape& s) {
  return stream << s.name;
}

// One convolution, its inputs, and y between guards.
template <typename T>
struct ConvProblem {
  using X = std::conditional_t<std::is_same_v<T, int8_t>, uint8_t, float>;

  explicit ConvProblem(const ConvShape& s, uint32_t seed = 5)
      : geometry(s.geometry()),
        matrix(s.filters, geometry.inputs(), s.block_out, s.block_in, 0.6, seed),
        dense(Unpack(matrix.view())) {
    std::mt19937 random(seed + 1);
    std::uniform_real_distribution<float> uniform(-1, 1);
    const int64_t size = s.batch * s.height.size * s.width.size * s.channels;
    for (int64_t i = 0; i < size; ++i) {
      x.push_back(std::is_same_v<T, int8_t> ? static_cast<X>(random() % 256)
                                            : static_cast<X>(uniform(random)));
      x_float.push_back(3 * uniform(random));
    }
    for (int64_t n = 0; n < s.filters; ++n) {
      bias.push_back(uniform(random));
      w_scale.push_back(0.001f * (1.5f + uniform(random)));
    }
    for (int64_t i = 0; i < y_size(); ++i) {
      residual.push_back(4 * uniform(random));
      residual_u8.push_back(static_cast<uint8_t>(random() % 256));
    }
    LayerCall& product = call.call;
    call.geometry = geometry;
    product.x.data = x.data();
    product.x.is_u8 = std::is_same_v<T, int8_t>;
    product.epilogue.bias = bias.data();
    product.epilogue.activation = kActivations[seed % 8];
    product.quantization.w_scale = w_scale.data();
    product.quantization.x_scale = 0.02f;
    product.quantization.x_zero_point = 77;
    product.quantization.y_scale = 0.03f;
    product.quantization.y_zero_point = 101;
    product.epilogue.residual.scale = 0.04f;
    product.epilogue.residual.zero_point = 33;
  }

  FilterGroups filter_groups() const {
    return {geometry.groups, geometry.height.kernel * geometry.width.kernel};
  }
  int64_t y_size() const { return geometry.pixels() * geometry.filters; }

  void SetResidual(int kind) {
    call.call.epilogue.residual.is_u8 = kind == 2;
    call.call.epilogue.residual.data = kind == 0   ? nullptr
                                       : kind == 1 ? static_cast<const void*>(residual.data())
                                                   : residual_u8.data();
  }

  // Runs with y between guards and gives y's bytes; fails the test if a guard was hit.
  std::vector<uint8_t> Run(const Conv<T>& conv, const Threads& threads) {
    return BetweenGuards(y_size() * call.call.y.element_bytes(), [&](void* y) {
      call.call.y.data = y;
      return conv.Run(call, threads);
    });
  }

  // What the kernel covers for a pixel of y, of the channels of a group.
  template <typename Value>
  std::vector<Value> Patch(const std::vector<Value>& image, int64_t pixel, int64_t group,
                           Value padding) const {
    const ConvAxis &height = geometry.height, &width = geometry.width;
    const int64_t out_x = pixel % width.out(), out_y = pixel / width.out() % height.out();
    const int64_t n = pixel / width.out() / height.out();
    std::vector<Value> patch;
    for (int64_t ky = 0; ky < height.kernel; ++ky) {
      for (int64_t kx = 0; kx < width.kernel; ++kx) {
        const int64_t iy = out_y * height.stride + ky * height.dilation - height.before;
        const int64_t ix = out_x * width.stride + kx * width.dilation - width.before;
        const bool is_inside = iy >= 0 && iy < height.size && ix >= 0 && ix < width.size;
        for (int64_t c = 0; c < geometry.group_channels(); ++c) {
          const int64_t place = ((n * height.size + iy) * width.size + ix) * geometry.channels +
                                group * geometry.group_channels() + c;
          patch.push_back(is_inside ? image[place] : padding);
        }
      }
    }
    return patch;
  }

  ConvGeometry geometry;
  RandomMatrix<T> matrix;
  std::vector<T> dense;
  std::vector<X> x;
  std::vector<float> x_float, bias, w_scale, residual;
  std::vector<uint8_t> residual_u8;
  ConvCall call;
};

// What is added to an output before its activation, in the order of the definition: of uint8 by a
// scale and a zero point.
inline float AddResidual(const LayerCall& call, int64_t place, float y, float scale = 1,
                         int32_t zero_point = 0) {
  if (call.epilogue.residual.data == nullptr) return y;
  if (!call.epilogue.residual.is_u8)
    return y + static_cast<const float*>(call.epilogue.residual.data)[place];
  const int32_t q = static_cast<const uint8_t*>(call.epilogue.residual.data)[place];
  return std::fma(static_cast<float>(q - zero_point), scale, y);
}

// The definition, bit for bit.
inline std::vector<uint8_t> Expected(const ConvProblem<int8_t>& p) {
  const LayerCall& call = p.call.call;
  const int64_t in = p.geometry.inputs(), filters = p.geometry.filters;
  const bool folds = call.y.is_u8 &&
                     (call.epilogue.residual.data == nullptr || call.epilogue.residual.is_u8) &&
                     call.epilogue.activation <= Activation::kRelu;
  ActivationTable table;
  const bool looks_up = LooksUp(call, &table);
  const float unit = looks_up ? table.unit : folds ? 1 / call.quantization.y_scale : 1.0f;
  const float inv_y_scale = folds ? 1.0f : 1 / call.quantization.y_scale;
  const bool shifts = folds && call.epilogue.residual.data != nullptr;
  const float residual_scale = call.epilogue.residual.scale * unit;
  const float shift = looks_up ? table.offset
                      : shifts ? -call.epilogue.residual.zero_point * residual_scale
                               : 0;
  std::vector<uint8_t> image = p.x;
  for (size_t i = 0; i < image.size() && !call.x.is_u8; ++i) {
    image[i] =
        QuantizeU8(p.x_float[i], 1 / call.quantization.x_scale, call.quantization.x_zero_point);
  }
  std::vector<uint8_t> bytes;
  for (int64_t place = 0; place < p.y_size(); ++place) {
    const int64_t n = place % filters;
    const std::vector<uint8_t> patch =
        p.Patch(image, place / filters, n / p.geometry.group_filters(),
                static_cast<uint8_t>(call.quantization.x_zero_point));
    const float scale = call.quantization.x_scale * call.quantization.w_scale[n] * unit;
    float y = ReferenceDot(patch.data(), call.quantization.x_zero_point, p.dense.data() + n * in,
                           in, scale, call.epilogue.bias[n] * unit + shift);
    if (looks_up) {
      bytes.push_back(LookUpU8(table, y));
      continue;
    }
    y = AddResidual(call, place, y, residual_scale, shifts ? 0 : call.epilogue.residual.zero_point);
    WithActivation(call.epilogue.activation,
                   [&](auto activation) { y = Activate<LanesScalar, activation.value>(y); });
    AppendOutput(call, y, inv_y_scale, &bytes);
  }
  return bytes;
}

inline float Operand(float, float x) { return x; }
inline float Operand(BFloat16, float x) { return RoundToBFloat16(x).ToFloat(); }
inline float AsFloat(float w) { return w; }
inline float AsFloat(BFloat16 w) { return w.ToFloat(); }

template <typename T>
std::vector<Close> ExpectedFloats(const ConvProblem<T>& p) {
  const int64_t in = p.geometry.inputs(), filters = p.geometry.filters;
  std::vector<float> image;
  for (float value : p.x) image.push_back(Operand(T(), value));
  std::vector<Close> expected;
  for (int64_t place = 0; place < p.y_size(); ++place) {
    const int64_t n = place % filters;
    const std::vector<float> patch =
        p.Patch(image, place / filters, n / p.geometry.group_filters(), 0.0f);
    std::vector<float> weights;
    for (int64_t k = 0; k < in; ++k) weights.push_back(AsFloat(p.dense[n * in + k]));
    const double start = AddResidual(p.call.call, place, p.bias[n]);
    double magnitude = std::abs(start);
    for (int64_t k = 0; k < in; ++k) magnitude += std::abs(double{patch[k]} * weights[k]);
    // No activation is steeper than 1.13; its own error is 3e-7 of its argument at most.
    expected.push_back(
        {ReferenceDot(patch.data(), weights.data(), in, start, p.call.call.epilogue.activation),
         1.2 * (in + 4) * kEpsilon * magnitude + 3e-7 * std::max(1.0, magnitude)});
  }
  return expected;
}

// With y's pixels so few that a kernel for small M may take them, or without such a kernel.
template <typename T>
std::unique_ptr<const Conv<T>> CreateConv(const ConvProblem<T>& p, const Kernel<T>& kernel,
                                          const GemvKernel<T>* gemv = nullptr) {
  std::unique_ptr<const Conv<T>> conv;
  const Status status =
      Conv<T>::Create(p.matrix.view(), kernel, gemv, &conv, Threads(), p.filter_groups());
  EXPECT_TRUE(status.ok()) << status.message();
  return conv;
}

}  // namespace tfsparse

#endif  // TFSPARSE_CUSTOM_OPS_CONV_CONV_PROBLEM_H_
