#ifndef TFSPARSE_CUSTOM_OPS_KERNELS_EPILOGUE_EPILOGUE_TILES_H_
#define TFSPARSE_CUSTOM_OPS_KERNELS_EPILOGUE_EPILOGUE_TILES_H_

// The epilogue over a vector type and the lanes that activations see
// (activation_functions.h). Sums lie as [output][row]; y wants [row][output].
// With L lanes in a register:
//
// Rows: L x L sums are transposed in registers, and scale, bias and residual are vectors
// over the outputs. This is how float y is made, and uint8 y with a float residual.
//
// Quads, for any other uint8 y: sums are activated and quantized where they are, and the four
// outputs of a quad are packed into one lane. L quads by L rows are then the same
// transposition, for four times as many outputs. The packs saturate, which is the lower
// clamp; the upper one is a min, because a float beyond int32 would wrap.
//
// An N block of 64 outputs keeps the writes of a row together: one line of y after the
// other at a stride of 4096 bytes would put all of them into one set of the cache.
//
// This is text for files of one instruction set, not to be linked.

#include <immintrin.h>

#include <cstdint>

#include "custom_ops/kernels/activation_functions.h"
#include "custom_ops/kernels/epilogue/quantize_quad.h"
#include "custom_ops/kernels/epilogue/residual.h"
#include "custom_ops/kernels/kernel_args.h"

namespace tfsparse {
namespace {

// y = sum, or y = sum * scale + bias for integer sums, of a register of outputs.
template <class Vec>
struct SumsF32 {
  SumsF32(const EpilogueArgs&, int64_t) {}
  inline __attribute__((always_inline)) typename Vec::F32 operator()(typename Vec::I32 acc) const {
    return Vec::AsFloats(acc);
  }
};

template <class Vec>
struct SumsS32 {
  SumsS32(const EpilogueArgs& args, int64_t output)
      : scale(Vec::LoadSome(args.scale + output, Vec::kLanes)),
        bias(Vec::LoadSome(args.bias + output, Vec::kLanes)) {}
  inline __attribute__((always_inline)) typename Vec::F32 operator()(typename Vec::I32 acc) const {
    return Vec::MultiplyAdd(Vec::ToFloats(acc), scale, bias);
  }
  typename Vec::F32 scale, bias;
};

// What becomes of a register of values of a row.
template <class Vec>
struct ToF32 {
  explicit ToF32(const EpilogueArgs& args)
      : y(static_cast<float*>(args.y)), stride(args.y_stride) {}
  inline __attribute__((always_inline)) void operator()(int64_t row, int64_t output, int64_t count,
                                                        typename Vec::F32 value) const {
    Vec::StoreSome(y + row * stride + output, value, count);
  }
  float* y;
  int64_t stride;
};

// Max gives its second operand where one is NaN, so NaN becomes the low end.
template <class Vec>
struct ToU8 {
  explicit ToU8(const EpilogueArgs& args)
      : y(static_cast<uint8_t*>(args.y)),
        stride(args.y_stride),
        inv_scale(Vec::Broadcast(args.inv_y_scale)),
        low(Vec::Broadcast(static_cast<float>(-args.y_zero_point))),
        high(Vec::Broadcast(static_cast<float>(255 - args.y_zero_point))),
        zero_point(Vec::Broadcast(args.y_zero_point)) {}
  inline __attribute__((always_inline)) void operator()(int64_t row, int64_t output, int64_t count,
                                                        typename Vec::F32 value) const {
    const auto scaled = Vec::Multiply(value, inv_scale);
    const auto clamped = Vec::Min(Vec::Max(scaled, low), high);
    Vec::StoreBytes(y + row * stride + output, Vec::Add(Vec::Round(clamped), zero_point), count);
  }
  uint8_t* y;
  int64_t stride;
  typename Vec::F32 inv_scale, low, high;
  typename Vec::I32 zero_point;
};

template <class Vec, class Lanes, class From, class To, Activation kActivation, class Residual>
void EpilogueByRows(const EpilogueArgs& args, const Residual& residual) {
  constexpr int L = Vec::kLanes;
  const int64_t stride = args.vectors * kLanes;
  const To to(args);
  for (int64_t row = 0; row < args.rows; row += L) {
    const int64_t rows = args.rows - row < L ? args.rows - row : L;
    for (int64_t output = 0; output < args.outputs; output += L) {
      const int32_t* acc = static_cast<const int32_t*>(args.acc) + output * stride + row;
      typename Vec::I32 sums[L];
      for (int i = 0; i < L; ++i) sums[i] = Vec::LoadInts(acc + i * stride);
      Vec::Transpose(sums);
      const From from(args, output);
      const int64_t left = args.outputs - output;
      for (int i = 0; i < L && i < rows; ++i) {
        const auto value = residual.Add(from(sums[i]), row + i, output, left);
        to(row + i, output, left, Activate<Lanes, kActivation>(value));
      }
    }
  }
}

template <class Vec, class Lanes, class Residual, Activation kActivation, Clamp kClamp>
void EpilogueByQuads(const EpilogueArgs& args) {
  constexpr int L = Vec::kLanes;
  Residual residual(args);
  for (int64_t row = 0; row < args.rows; row += L) {
    const int64_t rows = args.rows - row < L ? args.rows - row : L;
    const int32_t* acc = static_cast<const int32_t*>(args.acc) + row;
    for (int64_t output = 0; output < args.outputs; output += 4 * L) {
      const int64_t left = args.outputs - output;
      residual.Load(row, rows, output, left, 0);
      typename Vec::I32 quads[L];
      for (int i = 0; i < L; ++i) {
        quads[i] =
            QuantizeQuad<Vec, Lanes, kActivation, kClamp>(args, acc, output + 4 * i, residual, i);
      }
      Vec::Transpose(quads);
      uint8_t* y = static_cast<uint8_t*>(args.y) + row * args.y_stride + output;
      for (int i = 0; i < L && i < rows; ++i) {
        Vec::StoreSome(y + i * args.y_stride, quads[i], left);
      }
    }
  }
}

template <class Vec, class Lanes, class From, class To>
void EpilogueByRowsOf(const EpilogueArgs& args) {
  WithActivation(args.activation, [&](auto activation) {
    WithResidual<Vec>(args, [&](const auto& residual) {
      EpilogueByRows<Vec, Lanes, From, To, decltype(activation)::value>(args, residual);
    });
  });
}

template <class Vec, class Lanes>
void EpilogueF32(const EpilogueArgs& args) {
  EpilogueByRowsOf<Vec, Lanes, SumsF32<Vec>, ToF32<Vec>>(args);
}

template <class Vec, class Lanes>
void EpilogueS32ToF32(const EpilogueArgs& args) {
  EpilogueByRowsOf<Vec, Lanes, SumsS32<Vec>, ToF32<Vec>>(args);
}

template <class Vec, class Lanes>
void EpilogueS32ToU8(const EpilogueArgs& args) {
  if (args.residual == nullptr) {
    return WithQuantization(args, [&](auto activation, auto clamp) {
      EpilogueByQuads<Vec, Lanes, NoQuads<Vec>, activation.value, clamp.value>(args);
    });
  }
  if (args.residual_is_u8) {
    return WithQuantization<Clamp::kNan>(args, [&](auto activation, auto clamp) {
      EpilogueByQuads<Vec, Lanes, QuadsU8<Vec>, activation.value, clamp.value>(args);
    });
  }
  WithActivation(args.activation, [&](auto activation) {
    EpilogueByRows<Vec, Lanes, SumsS32<Vec>, ToU8<Vec>, activation.value>(args,
                                                                          ResidualF32<Vec>(args));
  });
}

}  // namespace
}  // namespace tfsparse

#endif  // TFSPARSE_CUSTOM_OPS_KERNELS_EPILOGUE_EPILOGUE_TILES_H_
