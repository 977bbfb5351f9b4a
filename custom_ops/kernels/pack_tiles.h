#ifndef TFSPARSE_CUSTOM_OPS_KERNELS_PACK_TILES_H_
#define TFSPARSE_CUSTOM_OPS_KERNELS_PACK_TILES_H_

// The pack step over a vector type (vector_avx512.h, vector_avx2.h).
//
// Everything is one square transposition of 32-bit elements, L rows by L of them, with L
// lanes in a register: floats, or quads of uint8. That gives planes of float and quads of
// uint8. A quad is two pairs by two shuffles. Planes take the quads apart: four registers
// of quads make four planes of bytes with 12 more shuffles, two registers make four
// planes of 16 bits with 8 shifts and masks and 4 packs.
//
// Cost with 512 bits: 0.25 shuffles per float, 0.06 to 0.11 per uint8. Each element then
// meets N * density weights, so this is about 5% of the work at N = 1024, density 0.1.
//
// This is text for files of one instruction set, not to be linked.

#include <immintrin.h>

#include <cstdint>

#include "custom_ops/kernels/byte_layouts.h"
#include "custom_ops/kernels/kernel_args.h"

namespace tfsparse {
namespace {

// A register's worth of inputs of a row as uint8.
template <class Vec>
struct FromU8 {
  explicit FromU8(const PackArgs&) {}
  inline __attribute__((always_inline)) typename Vec::I32 Load(const void* x, int64_t offset,
                                                               int64_t count) const {
    return Vec::LoadSome(static_cast<const uint8_t*>(x) + offset, count);
  }
};

// The same of a row of floats, quantized. Clamping to whole numbers before rounding is the
// same as after, and only the upper one has to be before: a float beyond int32 becomes its
// lowest number, which the packs saturate, and so does NaN, which Min lets pass.
template <class Vec>
struct FromF32 {
  using F32 = typename Vec::F32;
  using I32 = typename Vec::I32;

  explicit FromF32(const PackArgs& args)
      : inv_scale(Vec::Broadcast(args.inv_scale)),
        high(Vec::Broadcast(static_cast<float>(255 - args.zero_point))),
        zero_point(Vec::Broadcast(args.zero_point * 0x10001)) {}  // in 16 bits, twice

  inline __attribute__((always_inline)) I32 LoadLanes(const float* x, int64_t count) const {
    if (count <= 0) return Vec::Zero();
    return Vec::Round(Vec::Min(high, Vec::Multiply(Vec::LoadSome(x, count), inv_scale)));
  }

  inline __attribute__((always_inline)) I32 Load(const void* x, int64_t offset,
                                                 int64_t count) const {
    constexpr int L = Vec::kLanes;
    const float* f = static_cast<const float*>(x) + offset;
    const I32 low = Vec::Saturate32To16(LoadLanes(f, count), LoadLanes(f + L, count - L));
    const I32 top = Vec::Saturate32To16(LoadLanes(f + 2 * L, count - 2 * L),
                                        LoadLanes(f + 3 * L, count - 3 * L));
    return Vec::SortSaturated(Vec::Saturate16ToU8(Vec::AddSaturated16(low, zero_point),
                                                  Vec::AddSaturated16(top, zero_point)));
  }

  F32 inv_scale, high;
  I32 zero_point;
};

// L quads (4 * L inputs from `input` on) of the rows of register r of the tile.
template <class Vec, class Source>
inline __attribute__((always_inline)) void LoadQuads(const PackArgs& args, const Source& source,
                                                     int64_t r, int64_t input,
                                                     typename Vec::I32 (&quads)[Vec::kLanes]) {
  constexpr int L = Vec::kLanes;
  const int64_t left = args.inputs - input;
  const int64_t first = r * L;
  const int64_t offset = first * args.stride + input;
  if (left >= 4 * L && first + L <= args.rows) {  // no masks, no tests
    for (int i = 0; i < L; ++i) quads[i] = source.Load(args.x, offset + i * args.stride, 4 * L);
  } else {
    for (int i = 0; i < L; ++i) {
      quads[i] =
          first + i < args.rows ? source.Load(args.x, offset + i * args.stride, left) : Vec::Zero();
    }
  }
  Vec::Transpose(quads);
}

// Into is one of byte_layouts.h.
template <class Vec, template <class> class Source, template <class> class Into>
bool PackBytes(const PackArgs& args) {
  constexpr int L = Vec::kLanes;
  constexpr int kTogether = Into<Vec>::kTogether;
  using I32 = typename Vec::I32;
  const Source<Vec> source(args);
  const int64_t registers = args.vectors * (kLanes / L);
  uint8_t* tile = static_cast<uint8_t*>(args.tile);
  for (int64_t r = 0; r < registers; r += kTogether) {
    for (int64_t input = 0; input < args.inputs; input += 4 * L) {
      I32 quads[kTogether][L];
      for (int v = 0; v < kTogether; ++v) LoadQuads<Vec>(args, source, r + v, input, quads[v]);
      for (int i = 0; i < L; ++i) {
        I32 together[kTogether];
        for (int v = 0; v < kTogether; ++v) together[v] = quads[v][i];
        Into<Vec>::Store(tile, registers, input / 4 + i, r, together);
      }
    }
  }
  return false;
}

// Few rows as they are; what is behind their inputs is not written.
template <class Vec, template <class> class Source>
bool PackRows(const PackArgs& args) {
  constexpr int kInputs = 4 * Vec::kLanes;
  const Source<Vec> source(args);
  const int64_t tile_stride = (args.inputs + 63) / 64 * 64 + kFewRowsPadding;
  for (int64_t row = 0; row < args.rows; ++row) {
    uint8_t* tile = static_cast<uint8_t*>(args.tile) + row * tile_stride;
    for (int64_t input = 0; input < args.inputs; input += kInputs) {
      const int64_t left = args.inputs - input;
      Vec::StoreInts(tile + input, source.Load(args.x, row * args.stride + input, left));
    }
  }
  return false;
}

template <class Vec>
bool PackF32(const PackArgs& args) {
  constexpr int L = Vec::kLanes;
  const float* x = static_cast<const float*>(args.x);
  float* tile = static_cast<float*>(args.tile);
  const int64_t registers = args.vectors * (kLanes / L);
  // 0 * x is 0 for a finite x and NaN for any other.
  const typename Vec::F32 zero = Vec::Broadcast(0.0f);
  typename Vec::F32 check = zero;
  for (int64_t r = 0; r < registers; ++r) {
    const int64_t rows_left = args.rows - r * L;
    for (int64_t input = 0; input < args.inputs; input += L) {
      const float* first = x + r * L * args.stride + input;
      const int64_t left = args.inputs - input;
      const bool whole = rows_left >= L && left >= L;
      typename Vec::I32 rows[L];
      for (int i = 0; i < L; ++i) {
        const typename Vec::F32 value = whole ? Vec::LoadSome(first + i * args.stride, L)
                                        : i < rows_left
                                            ? Vec::LoadSome(first + i * args.stride, left)
                                            : zero;
        check = Vec::MultiplyAdd(value, zero, check);
        rows[i] = Vec::AsInts(value);
      }
      Vec::Transpose(rows);
      for (int i = 0; i < L; ++i) Vec::StoreInts(tile + ((input + i) * registers + r) * L, rows[i]);
    }
  }
  return Vec::AnyNan(check);
}

}  // namespace
}  // namespace tfsparse

#endif  // TFSPARSE_CUSTOM_OPS_KERNELS_PACK_TILES_H_
