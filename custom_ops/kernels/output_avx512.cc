// Sums lie as [output][row]; y wants [row][output]. 16 x 16 sums are transposed
// in registers first, so that scale and bias are vectors over the outputs and a
// row of y is written 16 outputs at a time. Chunks of up to 64 outputs keep the
// writes of a row together: one row of y after the other at a stride of 4096
// bytes would put all of them into one set of the cache.

#include "custom_ops/kernels/output_avx512.h"

#include <immintrin.h>

#include "custom_ops/kernels/transpose_avx512.h"

namespace tfsparse {
namespace {

inline __mmask16 OutputMask(int64_t left) {
  return static_cast<__mmask16>(left >= 16 ? 0xffff : (1u << left) - 1);
}

// Bias and activation. max returns its second operand when one is NaN, so NaN
// stays.
struct Finish {
  Finish(const OutputArgs& args, int64_t output, __mmask16 mask)
      : bias(_mm512_maskz_loadu_ps(mask, args.bias + output)),
        relu(args.relu) {}
  __m512 Activate(__m512 y) const {
    return relu ? _mm512_max_ps(_mm512_setzero_ps(), y) : y;
  }
  __m512 bias;
  bool relu;
};

struct FromF32 : Finish {
  using Finish::Finish;
  __m512 operator()(__m512i sums) const {
    return Activate(_mm512_add_ps(_mm512_castsi512_ps(sums), bias));
  }
};

struct FromS32 : Finish {
  FromS32(const OutputArgs& args, int64_t output, __mmask16 mask)
      : Finish(args, output, mask),
        scale(_mm512_maskz_loadu_ps(mask, args.scale + output)),
        offset(_mm512_maskz_loadu_epi32(mask, args.offset + output)) {}
  __m512 operator()(__m512i sums) const {
    const __m512 value = _mm512_cvtepi32_ps(_mm512_sub_epi32(sums, offset));
    return Activate(_mm512_fmadd_ps(value, scale, bias));
  }
  __m512 scale;
  __m512i offset;
};

struct ToF32 {
  using Element = float;
  explicit ToF32(const OutputArgs&) {}
  void Store(float* y, __mmask16 mask, __m512 value) const {
    _mm512_mask_storeu_ps(y, mask, value);
  }
};

struct ToU8 {
  using Element = uint8_t;
  explicit ToU8(const OutputArgs& args)
      : inv_scale(_mm512_set1_ps(args.inv_y_scale)),
        low(_mm512_set1_ps(static_cast<float>(-args.y_zero_point))),
        high(_mm512_set1_ps(static_cast<float>(255 - args.y_zero_point))),
        zero_point(_mm512_set1_epi32(args.y_zero_point)) {}
  void Store(uint8_t* y, __mmask16 mask, __m512 value) const {
    const __m512 scaled = _mm512_mul_ps(value, inv_scale);
    const __m512 clamped = _mm512_min_ps(_mm512_max_ps(scaled, low), high);
    const __m512i q = _mm512_add_epi32(_mm512_cvtps_epi32(clamped), zero_point);
    _mm512_mask_cvtepi32_storeu_epi8(y, mask, q);
  }
  __m512 inv_scale, low, high;
  __m512i zero_point;
};

template <class From, class To>
void Output(const OutputArgs& args) {
  using Element = typename To::Element;
  const To to(args);
  const int64_t stride = args.vectors * kLanes;
  const int32_t* acc = static_cast<const int32_t*>(args.acc);
  for (int64_t row = 0; row < args.rows; row += kLanes) {
    const int64_t rows = args.rows - row < kLanes ? args.rows - row : kLanes;
    for (int64_t output = 0; output < args.outputs; output += 16) {
      __m512i sums[16];
      for (int i = 0; i < 16; ++i) {
        sums[i] = _mm512_load_si512(acc + (output + i) * stride + row);
      }
      Transpose16x16(sums);
      const __mmask16 mask = OutputMask(args.outputs - output);
      const From from(args, output, mask);
      Element* y = static_cast<Element*>(args.y) + row * args.y_stride + output;
      for (int i = 0; i < 16; ++i) {
        if (i < rows) to.Store(y + i * args.y_stride, mask, from(sums[i]));
      }
    }
  }
}

}  // namespace

void OutputF32Avx512(const OutputArgs& args) { Output<FromF32, ToF32>(args); }
void OutputS32ToF32Avx512(const OutputArgs& args) {
  Output<FromS32, ToF32>(args);
}
void OutputS32ToU8Avx512(const OutputArgs& args) {
  Output<FromS32, ToU8>(args);
}

}  // namespace tfsparse
