// Everything is one 16 x 16 transposition of 32-bit elements: 16 rows of 16
// floats, or 16 rows of 16 quads of uint8. That gives planes of float and quads
// of uint8; planes of uint8 take four registers of quads apart with 12 more
// shuffles.
//
// Cost: 0.25 shuffles per float, 0.06 to 0.11 per uint8. Each element then
// meets N * density weights, so this is about 5% of the work at N = 1024,
// density 0.1.

#include "custom_ops/kernels/pack_avx512.h"

#include <immintrin.h>

#include "custom_ops/kernels/transpose_avx512.h"

namespace tfsparse {
namespace {

// How many of `step` elements from `begin` on are below `end`.
inline int64_t Valid(int64_t begin, int64_t end, int64_t step) {
  return end - begin < step ? end - begin : step;
}

inline __mmask16 Mask16(int64_t count) {
  return static_cast<__mmask16>(count <= 0 ? 0 : count >= 16 ? 0xffff : (1u << count) - 1);
}

inline __mmask64 Mask64(int64_t count) { return count >= 64 ? ~0ull : (1ull << count) - 1; }

// 64 inputs of a row as uint8.
struct FromU8 {
  explicit FromU8(const PackArgs&) {}
  __attribute__((always_inline)) __m512i Load(const void* x, int64_t offset, int64_t count) const {
    return _mm512_maskz_loadu_epi8(Mask64(count), static_cast<const uint8_t*>(x) + offset);
  }
};

// 64 inputs of a row of floats, quantized. Clamping before rounding, to whole
// numbers, is the same as after; NaN fails the comparison and gives the low
// end.
struct FromF32 {
  explicit FromF32(const PackArgs& args)
      : inv_scale(_mm512_set1_ps(args.inv_scale)),
        low(_mm512_set1_ps(static_cast<float>(-args.zero_point))),
        high(_mm512_set1_ps(static_cast<float>(255 - args.zero_point))),
        zero_point(_mm512_set1_epi32(args.zero_point)) {}

  __attribute__((always_inline)) __m128i Load16(const float* x, int64_t count) const {
    const __m512 value = _mm512_mul_ps(_mm512_maskz_loadu_ps(Mask16(count), x), inv_scale);
    const __m512 clamped = _mm512_min_ps(_mm512_max_ps(value, low), high);
    return _mm512_cvtepi32_epi8(_mm512_add_epi32(_mm512_cvtps_epi32(clamped), zero_point));
  }

  __attribute__((always_inline)) __m512i Load(const void* x, int64_t offset, int64_t count) const {
    const float* f = static_cast<const float*>(x) + offset;
    __m512i bytes = _mm512_castsi128_si512(Load16(f, count));
    bytes = _mm512_inserti32x4(bytes, count > 16 ? Load16(f + 16, count - 16) : __m128i{}, 1);
    bytes = _mm512_inserti32x4(bytes, count > 32 ? Load16(f + 32, count - 32) : __m128i{}, 2);
    return _mm512_inserti32x4(bytes, count > 48 ? Load16(f + 48, count - 48) : __m128i{}, 3);
  }

  __m512 inv_scale, low, high;
  __m512i zero_point;
};

// 16 quads (64 inputs from `input` on) of rows 16v .. 16v + 15.
template <class Source>
inline void LoadQuads(const PackArgs& args, const Source& source, int v, int64_t input,
                      __m512i quads[16]) {
  const int64_t count = Valid(input, args.inputs, 64);
  const int64_t first = v * kLanes;
  const int64_t offset = first * args.stride + input;
  if (count == 64 && first + kLanes <= args.rows) {  // no masks, no tests
    for (int i = 0; i < 16; ++i) quads[i] = source.Load(args.x, offset + i * args.stride, 64);
  } else {
    for (int i = 0; i < 16; ++i) {
      quads[i] = first + i < args.rows ? source.Load(args.x, offset + i * args.stride, count)
                                       : _mm512_setzero_si512();
    }
  }
  Transpose16x16(quads);
}

template <class Source>
bool PackQuads(const PackArgs& args) {
  const Source source(args);
  uint8_t* tile = static_cast<uint8_t*>(args.tile);
  for (int v = 0; v < args.vectors; ++v) {
    for (int64_t input = 0; input < args.inputs; input += 64) {
      __m512i quads[16];
      LoadQuads(args, source, v, input, quads);
      for (int i = 0; i < 16; ++i) {
        _mm512_store_si512(tile + ((input / 4 + i) * args.vectors + v) * 64, quads[i]);
      }
    }
  }
  return false;
}

// Four planes of 64 rows from the quads of these rows: the bytes of a quarter
// are brought together by input, then the four quarters of a plane.
inline void StorePlanes(const __m512i q[4], uint8_t* plane) {
  const __m512i by_input =
      _mm512_broadcast_i32x4(_mm_setr_epi8(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15));
  __m512i b[4];
  for (int v = 0; v < 4; ++v) b[v] = _mm512_shuffle_epi8(q[v], by_input);
  const __m512i low01 = _mm512_unpacklo_epi32(b[0], b[1]);
  const __m512i high01 = _mm512_unpackhi_epi32(b[0], b[1]);
  const __m512i low23 = _mm512_unpacklo_epi32(b[2], b[3]);
  const __m512i high23 = _mm512_unpackhi_epi32(b[2], b[3]);
  _mm512_store_si512(plane, _mm512_unpacklo_epi64(low01, low23));
  _mm512_store_si512(plane + 64, _mm512_unpackhi_epi64(low01, low23));
  _mm512_store_si512(plane + 128, _mm512_unpacklo_epi64(high01, high23));
  _mm512_store_si512(plane + 192, _mm512_unpackhi_epi64(high01, high23));
}

template <class Source>
bool PackPlanes(const PackArgs& args) {
  const Source source(args);
  uint8_t* tile = static_cast<uint8_t*>(args.tile);
  for (int64_t input = 0; input < args.inputs; input += 64) {
    __m512i quads[4][16];
    for (int v = 0; v < 4; ++v) LoadQuads(args, source, v, input, quads[v]);
    for (int i = 0; i < 16; ++i) {
      const __m512i rows[4] = {quads[0][i], quads[1][i], quads[2][i], quads[3][i]};
      StorePlanes(rows, tile + (input + 4 * i) * 64);
    }
  }
  return false;
}

}  // namespace

bool PackF32Avx512(const PackArgs& args) {
  const float* x = static_cast<const float*>(args.x);
  float* tile = static_cast<float*>(args.tile);
  // 0 * x is 0 for a finite x and NaN for any other.
  const __m512 zero = _mm512_setzero_ps();
  __m512 check = zero;
  for (int v = 0; v < args.vectors; ++v) {
    for (int64_t input = 0; input < args.inputs; input += 16) {
      const float* first = x + v * kLanes * args.stride + input;
      const int64_t left = args.rows - v * kLanes;
      const bool whole = left >= kLanes && args.inputs - input >= 16;
      const __mmask16 mask = Mask16(args.inputs - input);
      __m512i rows[16];
      for (int i = 0; i < 16; ++i) {
        const __m512 value = whole      ? _mm512_loadu_ps(first + i * args.stride)
                             : i < left ? _mm512_maskz_loadu_ps(mask, first + i * args.stride)
                                        : zero;
        check = _mm512_fmadd_ps(value, zero, check);
        rows[i] = _mm512_castps_si512(value);
      }
      Transpose16x16(rows);
      for (int i = 0; i < 16; ++i) {
        _mm512_store_si512(tile + ((input + i) * args.vectors + v) * kLanes, rows[i]);
      }
    }
  }
  return _mm512_cmp_ps_mask(check, check, _CMP_UNORD_Q) != 0;
}

bool PackU8QuadsAvx512(const PackArgs& args) { return PackQuads<FromU8>(args); }
bool PackU8PlanesAvx512(const PackArgs& args) { return PackPlanes<FromU8>(args); }
bool QuantizeQuadsAvx512(const PackArgs& args) { return PackQuads<FromF32>(args); }
bool QuantizePlanesAvx512(const PackArgs& args) { return PackPlanes<FromF32>(args); }

}  // namespace tfsparse
