#ifndef TFSPARSE_CUSTOM_OPS_KERNELS_PACK_PACK_TILES_H_
#define TFSPARSE_CUSTOM_OPS_KERNELS_PACK_PACK_TILES_H_

// The pack step over a vector type (vector_avx512.h, vector_avx2.h).
//
// Everything is one square transposition of 32-bit elements, L rows by L of them, with L
// lanes in a register: floats, quads of uint8 or pairs of bfloat16. That gives
// K-interleave 1 of floats, 4 of uint8 and 2 of bfloat16. byte_layouts.h makes the others from
// quads.
//
// Cost with 512 bits: 0.25 shuffles per float, 0.06 to 0.11 per uint8. Each element then
// meets N * density weights, so this is about 5% of the work at N = 1024, density 0.1.
//
// This is text for files of one instruction set, not to be linked.

#include <immintrin.h>

#include <cstdint>

#include "custom_ops/kernels/kernel_args.h"
#include "custom_ops/kernels/pack/byte_layouts.h"

namespace tfsparse {
namespace {

// A source loads a register's worth of a row's inputs. It says how many of them are in a lane of
// 32 bits, and in the end whether any was not finite.
//
// Inputs of uint8.
template <class Vec>
struct FromU8 {
  static constexpr int kInLane = 4;
  explicit FromU8(const PackArgs&) {}
  inline __attribute__((always_inline)) typename Vec::I32 Load(const void* x, int64_t offset,
                                                               int64_t count) const {
    return Vec::LoadSome(static_cast<const uint8_t*>(x) + offset, count);
  }
  bool non_finite() const { return false; }
};

// The same of a row of floats, quantized. Clamping to whole numbers before rounding is the
// same as after, and only the upper one has to be before: a float beyond int32 becomes its
// lowest number, which the packs saturate, and so does NaN, which Min lets pass.
template <class Vec>
struct FromF32 {
  static constexpr int kInLane = 4;
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

  bool non_finite() const { return false; }

  F32 inv_scale, high;
  I32 zero_point;
};

// Floats, as they are or rounded to bfloat16.
template <class Vec, bool kRound>
struct FloatLanes {
  static constexpr int kInLane = 1;
  explicit FloatLanes(const PackArgs&) : check(Vec::Broadcast(0.0f)) {}

  inline __attribute__((always_inline)) typename Vec::I32 Load(const void* x, int64_t offset,
                                                               int64_t count) {
    typename Vec::F32 value = Vec::LoadSome(static_cast<const float*>(x) + offset, count);
    if constexpr (kRound) value = Vec::RoundToBf16(value);
    // 0 * x is 0 for a finite x and NaN for any other.
    check = Vec::MultiplyAdd(value, Vec::Broadcast(0.0f), check);
    return Vec::AsInts(value);
  }
  bool non_finite() const { return Vec::AnyNan(check); }

  typename Vec::F32 check;
};

template <class Vec>
using Floats = FloatLanes<Vec, false>;
template <class Vec>
using RoundedFloats = FloatLanes<Vec, true>;

// Rows from `first` on and their inputs from `input` on, where they lie: one row after the other,
// or each somewhere.
struct EvenRows {
  EvenRows(const PackArgs& args, int64_t first, int64_t input)
      : x(args.x), offset(first * args.stride + input), stride(args.stride) {}
  template <class Source>
  inline __attribute__((always_inline)) auto Load(Source& source, int i, int64_t count) const {
    return source.Load(x, offset + i * stride, count);
  }
  const void* x;
  int64_t offset, stride;
};

struct ScatteredRows {
  ScatteredRows(const PackArgs& args, int64_t first, int64_t from)
      : rows(args.rows_at + first), input(from) {}
  template <class Source>
  inline __attribute__((always_inline)) auto Load(Source& source, int i, int64_t count) const {
    return source.Load(rows[i], input, count);
  }
  const void* const* rows;
  int64_t input;
};

// L lanes of the inputs from `input` on, of the rows of register r of the tile.
template <class Vec, class Rows, class Source>
inline __attribute__((always_inline)) void LoadLanes(const PackArgs& args, Source& source,
                                                     int64_t r, int64_t input,
                                                     typename Vec::I32 (&lanes)[Vec::kLanes]) {
  constexpr int L = Vec::kLanes, kInputs = Source::kInLane * L;
  const int64_t left = args.inputs - input;
  const int64_t first = r * L;
  const Rows rows(args, first, input);
  if (left >= kInputs && first + L <= args.rows) {  // no masks, no tests
    for (int i = 0; i < L; ++i) lanes[i] = rows.Load(source, i, kInputs);
  } else {
    for (int i = 0; i < L; ++i) {
      lanes[i] = first + i < args.rows ? rows.Load(source, i, left) : Vec::Zero();
    }
  }
  Vec::Transpose(lanes);
}

// Lanes as they are: floats and pairs of bfloat16 too.
template <class Vec>
using IntoLanes = IntoInterleave4<Vec>;

// Into is one of byte_layouts.h for quads, or its like.
template <class Vec, class Rows, template <class> class Source, template <class> class Into>
bool PackLanesOf(const PackArgs& args) {
  constexpr int L = Vec::kLanes, kInLane = Source<Vec>::kInLane;
  constexpr int kTogether = Into<Vec>::kTogether;
  using I32 = typename Vec::I32;
  Source<Vec> source(args);
  const int64_t registers = args.vectors * (kLanes / L);
  uint8_t* tile = static_cast<uint8_t*>(args.tile);
  for (int64_t r = 0; r < registers; r += kTogether) {
    for (int64_t input = 0; input < args.inputs; input += kInLane * L) {
      I32 lanes[kTogether][L];
      for (int v = 0; v < kTogether; ++v)
        LoadLanes<Vec, Rows>(args, source, r + v, input, lanes[v]);
      for (int i = 0; i < L; ++i) {
        I32 together[kTogether];
        for (int v = 0; v < kTogether; ++v) together[v] = lanes[v][i];
        Into<Vec>::Store(tile, registers, input / kInLane + i, r, together);
      }
    }
  }
  return source.non_finite();
}

template <class Vec, template <class> class Source, template <class> class Into>
bool PackLanes(const PackArgs& args) {
  return args.rows_at == nullptr ? PackLanesOf<Vec, EvenRows, Source, Into>(args)
                                 : PackLanesOf<Vec, ScatteredRows, Source, Into>(args);
}

// Small M as they are, and behind the last input what the source makes of a zero.
template <class Vec, template <class> class Source>
bool PackRows(const PackArgs& args) {
  constexpr int kBytes = 4 / Source<Vec>::kInLane, kInputs = 4 * Vec::kLanes / kBytes;
  Source<Vec> source(args);
  const int64_t tile_stride = (args.inputs + 63) / 64 * 64 * kBytes + kGemvPadding;
  for (int64_t row = 0; row < args.rows; ++row) {
    uint8_t* tile = static_cast<uint8_t*>(args.tile) + row * tile_stride;
    // Only bfloat16 has a zero behind its last input.
    const int64_t end = args.inputs + (kBytes == 1 ? 0 : 1);
    for (int64_t input = 0; input < end; input += kInputs) {
      const int64_t left = args.inputs - input;
      Vec::StoreInts(tile + input * kBytes, source.Load(args.x, row * args.stride + input, left));
    }
  }
  return source.non_finite();
}

}  // namespace
}  // namespace tfsparse

#endif  // TFSPARSE_CUSTOM_OPS_KERNELS_PACK_PACK_TILES_H_
