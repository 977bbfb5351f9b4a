#ifndef TFSPARSE_CUSTOM_OPS_KERNELS_EPILOGUE_QUANTIZE_QUAD_H_
#define TFSPARSE_CUSTOM_OPS_KERNELS_EPILOGUE_QUANTIZE_QUAD_H_

// Sums of four outputs, activated, quantized and packed into one lane per row, over a vector
// type (vector_avx512.h, vector_avx2.h).
//
// The scale of y is in the sums' where the activation is homogeneous. The packs saturate,
// which is the lower clamp, and with it the ReLU where the zero point is 0. It is the upper
// one too as long as a value fits int32 (EpilogueArgs::fits_int32); a float beyond would wrap,
// so any other is held down by a min.
//
// Cost with 512 bits: 16 instructions for 64 values where all of that holds, 26 for a ReLU
// where nothing does, 39 for an activation from a table (look_up_words.h), and 26 and four times
// those of the activation for any other.
//
// This is text for files of one instruction set, not to be linked.

#include <immintrin.h>

#include <cstdint>

#include "custom_ops/kernels/activation_functions.h"
#include "custom_ops/kernels/epilogue/look_up_words.h"
#include "custom_ops/kernels/epilogue/residual.h"
#include "custom_ops/kernels/kernel_args.h"

namespace tfsparse {
namespace {

// Whether y's scale is in those of the sums (LayerCall::folds_y_scale).
template <Activation kActivation>
inline constexpr bool kFolds =
    kActivation == Activation::kLinear || kActivation == Activation::kRelu;

// How a scaled value becomes a byte.
enum class Clamp {
  kNan,       // it may be anything
  kAny,       // anything but NaN
  kFits,      // it fits int32
  kFromZero,  // so it does, and the zero point is 0
  kLookUp,    // so it does, and is looked up in the table
};

// Quads of outputs [output, output + 4), a row of kLanes of Vec in each lane. acc is at the
// first of the rows. The residual (residual.h) counts the quad as `quad`.
template <class Vec, class Lanes, Activation kActivation, Clamp kClamp, class Residual>
inline __attribute__((always_inline)) typename Vec::I32 QuantizeQuad(const EpilogueArgs& args,
                                                                     const int32_t* acc,
                                                                     int64_t output,
                                                                     const Residual& residual,
                                                                     int64_t quad) {
  using I32 = typename Vec::I32;
  const auto low_end = Vec::Broadcast(static_cast<float>(-args.y_zero_point));
  const auto high = Vec::Broadcast(static_cast<float>(255 - args.y_zero_point));
  I32 q[4];
  for (int i = 0; i < 4; ++i) {
    const I32 sums = Vec::LoadInts(acc + (output + i) * args.vectors * kLanes);
    auto value = Vec::MultiplyAdd(Vec::ToFloats(sums), Vec::Broadcast(args.scale[output + i]),
                                  Vec::Broadcast(args.bias[output + i]));
    // Where y's scale is folded, the residual's zero point is in the bias.
    value = residual.template Add<kFolds<kActivation>>(value, quad, i);
    value = Activate<Lanes, kActivation>(value);
    if (!kFolds<kActivation>) value = Vec::Multiply(value, Vec::Broadcast(args.inv_y_scale));
    if (kClamp == Clamp::kNan) value = Vec::Max(value, low_end);  // which it gives for NaN
    q[i] = Vec::Round(kClamp <= Clamp::kAny ? Vec::Min(value, high) : value);
  }
  I32 low = Vec::Saturate32To16(q[0], q[1]), top = Vec::Saturate32To16(q[2], q[3]);
  if constexpr (kClamp == Clamp::kLookUp) {
    low = LookUpWords<Vec>(*args.table, low);
    top = LookUpWords<Vec>(*args.table, top);
  } else if (kClamp != Clamp::kFromZero) {
    const I32 zero_point = Vec::Broadcast(args.y_zero_point * 0x10001);  // in 16 bits, twice
    low = Vec::AddSaturated16(low, zero_point);
    top = Vec::AddSaturated16(top, zero_point);
  }
  // A 128-bit part l has [output][row 4l ..]; turned to [row][output].
  return Vec::TransposeBytes(Vec::Saturate16ToU8(low, top));
}

template <Clamp kClamp>
struct ClampConstant {
  static constexpr Clamp value = kClamp;
};

// Calls call(ActivationConstant, ClampConstant) with what QuantizeQuad is told: kClamp where values
// may not fit. Infinities of sums and of a residual could meet.
template <Clamp kClamp = Clamp::kAny, class Call>
inline void WithQuantization(const EpilogueArgs& args, const Call& call) {
  if constexpr (kClamp == Clamp::kAny) {
    if (args.table != nullptr) {
      return call(ActivationConstant<Activation::kLinear>(), ClampConstant<Clamp::kLookUp>());
    }
  }
  const bool from_zero = args.y_zero_point == 0;
  const bool clamp_is_relu = args.activation == Activation::kRelu && from_zero;
  WithActivation(clamp_is_relu ? Activation::kLinear : args.activation, [&](auto activation) {
    if constexpr (kFolds<decltype(activation)::value>) {
      if (args.fits_int32) {
        return from_zero ? call(activation, ClampConstant<Clamp::kFromZero>())
                         : call(activation, ClampConstant<Clamp::kFits>());
      }
    }
    call(activation, ClampConstant<kClamp>());
  });
}

}  // namespace
}  // namespace tfsparse

#endif  // TFSPARSE_CUSTOM_OPS_KERNELS_EPILOGUE_QUANTIZE_QUAD_H_
