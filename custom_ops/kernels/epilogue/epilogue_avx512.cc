// Sums lie as [output][row]; y wants [row][output], 16 or 64 outputs at a time.
//
// Rows: 16 x 16 sums are transposed in registers, and scale, bias and residual are vectors
// over the outputs. This is how float y is made, and uint8 y with a float residual.
//
// Quads, for any other uint8 y: sums are activated and quantized where they are (quantize_quad.h),
// and the four outputs of a quad are packed into one lane. 16 quads by 16 rows are then the same
// transposition, for four times as many outputs.
//
// An N block of 64 outputs keeps the writes of a row together: one line of y after the
// other at a stride of 4096 bytes would put all of them into one set of the cache.

#include <immintrin.h>

#include "custom_ops/kernels/activation_functions.h"
#include "custom_ops/kernels/epilogue/look_up_words.h"
#include "custom_ops/kernels/epilogue/quantize_quad.h"
#include "custom_ops/kernels/epilogue/residual.h"
#include "custom_ops/kernels/isa/avx512.h"
#include "custom_ops/kernels/lanes_avx512.h"
#include "custom_ops/kernels/vector_avx512.h"

namespace tfsparse {
namespace {

constexpr int kQuads = kNBlock / 4;  // of a row

inline int64_t Min(int64_t a, int64_t b) { return a < b ? a : b; }

// y = sum, or y = sum * scale + bias for integer sums, of 16 outputs.
struct FromF32 {
  FromF32(const EpilogueArgs&, int64_t) {}
  __m512 operator()(__m512i acc) const { return _mm512_castsi512_ps(acc); }
};

struct FromS32 {
  FromS32(const EpilogueArgs& args, int64_t output)
      : scale(_mm512_loadu_ps(args.scale + output)), bias(_mm512_loadu_ps(args.bias + output)) {}
  __m512 operator()(__m512i acc) const {
    return _mm512_fmadd_ps(_mm512_cvtepi32_ps(acc), scale, bias);
  }
  __m512 scale, bias;
};

// What becomes of 16 values of a row.
struct ToF32 {
  explicit ToF32(const EpilogueArgs& args)
      : y(static_cast<float*>(args.y)), stride(args.y_stride) {}
  void operator()(int64_t row, int64_t output, __mmask16 mask, __m512 value) const {
    _mm512_mask_storeu_ps(y + row * stride + output, mask, value);
  }
  float* y;
  int64_t stride;
};

// Max gives its second operand where one is NaN, so NaN becomes the low end.
struct ToU8 {
  explicit ToU8(const EpilogueArgs& args)
      : y(static_cast<uint8_t*>(args.y)),
        stride(args.y_stride),
        inv_scale(_mm512_set1_ps(args.inv_y_scale)),
        low(_mm512_set1_ps(static_cast<float>(-args.y_zero_point))),
        high(_mm512_set1_ps(static_cast<float>(255 - args.y_zero_point))),
        zero_point(_mm512_set1_epi32(args.y_zero_point)) {}
  void operator()(int64_t row, int64_t output, __mmask16 mask, __m512 value) const {
    const __m512 scaled = _mm512_mul_ps(value, inv_scale);
    const __m512 clamped = _mm512_min_ps(_mm512_max_ps(scaled, low), high);
    const __m512i q = _mm512_add_epi32(_mm512_cvtps_epi32(clamped), zero_point);
    _mm512_mask_cvtepi32_storeu_epi8(y + row * stride + output, mask, q);
  }
  uint8_t* y;
  int64_t stride;
  __m512 inv_scale, low, high;
  __m512i zero_point;
};

// Of a value in units of the table.
struct ByTableToU8 {
  explicit ByTableToU8(const EpilogueArgs& args)
      : y(static_cast<uint8_t*>(args.y)), stride(args.y_stride), table(*args.table) {}
  void operator()(int64_t row, int64_t output, __mmask16 mask, __m512 value) const {
    const __m512i w = _mm512_cvtps_epi32(value);
    const __m512i q = LookUpWords<Avx512>(table, _mm512_packs_epi32(w, w));
    const __m512i lanes = _mm512_unpacklo_epi16(q, _mm512_setzero_si512());
    const __m512i above = _mm512_max_epi32(_mm512_srai_epi32(_mm512_slli_epi32(lanes, 16), 16),
                                           _mm512_setzero_si512());
    _mm512_mask_cvtusepi32_storeu_epi8(y + row * stride + output, mask, above);
  }
  uint8_t* y;
  int64_t stride;
  const ActivationTable& table;
};

template <class From, class To, Activation kActivation, class Residual>
void EpilogueByRows(const EpilogueArgs& args, const Residual& residual) {
  const int64_t stride = args.vectors * kLanes;
  const To to(args);
  for (int64_t row = 0; row < args.rows; row += kLanes) {
    const int64_t rows = Min(args.rows - row, kLanes);
    for (int64_t output = 0; output < args.outputs; output += 16) {
      const int32_t* acc = static_cast<const int32_t*>(args.acc) + output * stride + row;
      __m512i sums[16];
      for (int i = 0; i < 16; ++i) sums[i] = _mm512_load_si512(acc + i * stride);
      Avx512::Transpose(sums);
      const From from(args, output);
      const int64_t left = args.outputs - output;
      const __mmask16 mask = static_cast<__mmask16>(left >= 16 ? 0xffff : (1u << left) - 1);
      const auto finish = [&](int64_t i) {
        const __m512 value = residual.Add(from(sums[i]), row + i, output, left);
        to(row + i, output, mask, Activate<LanesAvx512, kActivation>(value));
      };
      if (rows == kLanes) {
        for (int i = 0; i < kLanes; ++i) finish(i);
      } else {
        for (int i = 0; i < kLanes && i < rows; ++i) finish(i);
      }
    }
  }
}

// The outputs of 16 rows from `row` on, of which as many are stored as there are.
inline void StoreQuads(const EpilogueArgs& args, int64_t row, __m512i (&quads)[kQuads]) {
  Avx512::Transpose(quads);
  const int64_t stride = args.y_stride;
  uint8_t* y = static_cast<uint8_t*>(args.y) + row * stride;
  const int64_t rows = args.rows - row;
  if (rows >= kLanes && args.outputs == kNBlock) {
    for (int i = 0; i < kLanes; ++i) _mm512_storeu_si512(y + i * stride, quads[i]);
  } else {
    const __mmask64 mask = args.outputs >= 64 ? ~0ull : (1ull << args.outputs) - 1;
    for (int i = 0; i < kLanes && i < rows; ++i) {
      _mm512_mask_storeu_epi8(y + i * stride, mask, quads[i]);
    }
  }
}

// Quad by quad for all rows, so that the scales of a quad are broadcast once; then vector by
// vector.
template <class Residual, Activation kActivation, Clamp kClamp>
void EpilogueByQuads(const EpilogueArgs& args) {
  __m512i quads[kMaxVectors][kQuads];
  Residual residual(args);
  const int64_t vectors = (args.rows + kLanes - 1) / kLanes;
  for (int64_t v = 0; v < vectors; ++v) {
    residual.Load(v * kLanes, args.rows - v * kLanes, 0, args.outputs, v * kQuads);
  }
  for (int64_t i = 0; i < kQuads; ++i) {
    for (int64_t v = 0; v < vectors; ++v) {
      const int32_t* acc = static_cast<const int32_t*>(args.acc) + v * kLanes;
      quads[v][i] = QuantizeQuad<Avx512, LanesAvx512, kActivation, kClamp>(
          args, acc, 4 * i, residual, v * kQuads + i);
    }
  }
  for (int64_t v = 0; v < vectors; ++v) StoreQuads(args, v * kLanes, quads[v]);
}

// The accumulators of small M lie as y wants them.
template <class From, class To, Activation kActivation, class Residual>
void EpilogueGemv(const EpilogueArgs& args, const Residual& residual) {
  const To to(args);
  for (int64_t output = 0; output < args.outputs; output += 16) {
    const int64_t left = args.outputs - output;
    const __mmask16 mask = static_cast<__mmask16>(left >= 16 ? 0xffff : (1u << left) - 1);
    const From from(args, output);
    for (int64_t row = 0; row < args.rows; ++row) {
      const int32_t* acc = static_cast<const int32_t*>(args.acc) + row * args.acc_stride + output;
      const __m512 value = residual.Add(from(_mm512_loadu_si512(acc)), row, output, left);
      to(row, output, mask, Activate<LanesAvx512, kActivation>(value));
    }
  }
}

template <class From, class To>
void EpilogueGemvOf(const EpilogueArgs& args) {
  WithActivation(args.activation, [&](auto activation) {
    WithResidual<Avx512>(args, [&](const auto& residual) {
      EpilogueGemv<From, To, decltype(activation)::value>(args, residual);
    });
  });
}

template <class From, class To>
void EpilogueByRowsOf(const EpilogueArgs& args) {
  WithActivation(args.activation, [&](auto activation) {
    WithResidual<Avx512>(args, [&](const auto& residual) {
      EpilogueByRows<From, To, decltype(activation)::value>(args, residual);
    });
  });
}

}  // namespace

void EpilogueF32Avx512(const EpilogueArgs& args) { EpilogueByRowsOf<FromF32, ToF32>(args); }

void EpilogueS32ToF32Avx512(const EpilogueArgs& args) { EpilogueByRowsOf<FromS32, ToF32>(args); }

void EpilogueS32ToU8Avx512(const EpilogueArgs& args) {
  if (args.residual == nullptr) {
    return WithQuantization(args, [&](auto activation, auto clamp) {
      EpilogueByQuads<NoQuads<Avx512>, activation.value, clamp.value>(args);
    });
  }
  if (args.residual_is_u8) {
    return WithQuantization<Clamp::kNan>(args, [&](auto activation, auto clamp) {
      EpilogueByQuads<QuadsU8<Avx512, kMaxVectors>, activation.value, clamp.value>(args);
    });
  }
  WithActivation(args.activation, [&](auto activation) {
    EpilogueByRows<FromS32, ToU8, activation.value>(args, ResidualF32<Avx512>(args));
  });
}

void EpilogueGemvF32Avx512(const EpilogueArgs& args) { EpilogueGemvOf<FromF32, ToF32>(args); }
void EpilogueGemvS32ToF32Avx512(const EpilogueArgs& args) { EpilogueGemvOf<FromS32, ToF32>(args); }
void EpilogueGemvS32ToU8Avx512(const EpilogueArgs& args) {
  if (args.table != nullptr) {
    return EpilogueGemv<FromS32, ByTableToU8, Activation::kLinear>(args, NoResidual<Avx512>(args));
  }
  EpilogueGemvOf<FromS32, ToU8>(args);
}

}  // namespace tfsparse
