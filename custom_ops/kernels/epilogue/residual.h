#ifndef TFSPARSE_CUSTOM_OPS_KERNELS_EPILOGUE_RESIDUAL_H_
#define TFSPARSE_CUSTOM_OPS_KERNELS_EPILOGUE_RESIDUAL_H_

// What is added to outputs before their activation, over a vector type (vector_avx512.h,
// vector_avx2.h): nothing, floats, or uint8 with a scale and a zero point. To registers of a row's
// outputs; bytes also to registers of an output's rows, for which quads of them are transposed.
//
// This is text for files of one instruction set, not to be linked.

#include <cstdint>

#include "custom_ops/kernels/kernel_args.h"

namespace tfsparse {
namespace {

// Adds to a register of outputs of a row, from `output` on, of which `left` are there.
template <class Vec>
struct NoResidual {
  using F32 = typename Vec::F32;
  explicit NoResidual(const EpilogueArgs&) {}
  inline __attribute__((always_inline)) F32 Add(F32 value, int64_t, int64_t, int64_t) const {
    return value;
  }
};

template <class Vec>
struct ResidualF32 {
  using F32 = typename Vec::F32;
  explicit ResidualF32(const EpilogueArgs& args)
      : residual(static_cast<const float*>(args.residual)), stride(args.residual_stride) {}
  inline __attribute__((always_inline)) F32 Add(F32 value, int64_t row, int64_t output,
                                                int64_t left) const {
    return Vec::Add(value, Vec::LoadSome(residual + row * stride + output, left));
  }
  const float* residual;
  int64_t stride;
};

// A residual of uint8: scale * (q - zero point).
template <class Vec>
struct BytesOfResidual {
  using F32 = typename Vec::F32;
  using I32 = typename Vec::I32;
  explicit BytesOfResidual(const EpilogueArgs& args)
      : residual(static_cast<const uint8_t*>(args.residual)),
        stride(args.residual_stride),
        scale(Vec::Broadcast(args.residual_scale)),
        minus_zero_point(Vec::Broadcast(-args.residual_zero_point)) {}
  // Of a zero point that is 0, or any.
  template <bool kFromZero = false>
  inline __attribute__((always_inline)) F32 AddLanes(F32 value, I32 q) const {
    const I32 distance = kFromZero ? q : Vec::Add(q, minus_zero_point);
    return Vec::MultiplyAdd(Vec::ToFloats(distance), scale, value);
  }
  const uint8_t* residual;
  int64_t stride;
  F32 scale;
  I32 minus_zero_point;
};

template <class Vec>
struct ResidualU8 : BytesOfResidual<Vec> {
  using F32 = typename Vec::F32;
  using BytesOfResidual<Vec>::BytesOfResidual;
  inline __attribute__((always_inline)) F32 Add(F32 value, int64_t row, int64_t output,
                                                int64_t left) const {
    const uint8_t* at = this->residual + row * this->stride + output;
    return this->AddLanes(value, Vec::LoadBytes(at, left));
  }
};

// Calls call(residual) with the one that args have.
template <class Vec, class Call>
inline void WithResidual(const EpilogueArgs& args, const Call& call) {
  if (args.residual == nullptr) return call(NoResidual<Vec>(args));
  args.residual_is_u8 ? call(ResidualU8<Vec>(args)) : call(ResidualF32<Vec>(args));
}

// Adds to a register of rows of output i of a quad, which counts from where Load began.
template <class Vec>
struct NoQuads {
  using F32 = typename Vec::F32;
  explicit NoQuads(const EpilogueArgs&) {}
  void Load(int64_t, int64_t, int64_t, int64_t, int64_t) {}
  template <bool kFromZero>
  inline __attribute__((always_inline)) F32 Add(F32 value, int64_t, int) const {
    return value;
  }
};

// Holds the quads of kVectors registers of rows.
template <class Vec, int kVectors = 1>
struct QuadsU8 : BytesOfResidual<Vec> {
  using F32 = typename Vec::F32;
  using BytesOfResidual<Vec>::BytesOfResidual;

  // A register's quads of `rows` rows from `row` on, as many as fit, from `output` on, of which
  // `left` are there. They are counted from `quad` on.
  inline __attribute__((always_inline)) void Load(int64_t row, int64_t rows, int64_t output,
                                                  int64_t left, int64_t quad) {
    constexpr int L = Vec::kLanes;
    const uint8_t* at = this->residual + row * this->stride + output;
    typename Vec::I32 lanes[L];
    if (rows >= L) {  // The usual case, in which no row has to be tested.
      for (int i = 0; i < L; ++i) lanes[i] = Vec::LoadSome(at + i * this->stride, left);
    } else {
      for (int i = 0; i < L; ++i) {
        lanes[i] = i < rows ? Vec::LoadSome(at + i * this->stride, left) : Vec::Zero();
      }
    }
    Vec::Transpose(lanes);
    for (int i = 0; i < L; ++i) quads[quad + i] = lanes[i];
  }
  template <bool kFromZero>
  inline __attribute__((always_inline)) F32 Add(F32 value, int64_t quad, int i) const {
    return this->template AddLanes<kFromZero>(value, Vec::ByteOfLane(quads[quad], i));
  }

  typename Vec::I32 quads[kVectors * Vec::kLanes];
};

}  // namespace
}  // namespace tfsparse

#endif  // TFSPARSE_CUSTOM_OPS_KERNELS_EPILOGUE_RESIDUAL_H_
