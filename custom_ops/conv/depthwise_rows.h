#ifndef TFSPARSE_CUSTOM_OPS_CONV_DEPTHWISE_ROWS_H_
#define TFSPARSE_CUSTOM_OPS_CONV_DEPTHWISE_ROWS_H_

// A depthwise convolution of uint8 images by int8 weights, over a vector type: one strip of rows of
// y, for one block of channels.
//
// Channels lie in the lanes. An instruction multiplies four bytes of a lane by four weights, and
// the four are places above each other: four rows of x are interleaved once, column by column, into
// a tile, and each column of the tile then serves all columns of the kernel that reach it. That
// costs 8 unpacks for 64 channels of a column, whatever the width of the kernel. Padding is in the
// tile as the zero point, so that there are no cases at the edges.
//
// Where the rows of the kernel leave some of the four (or of a multiple of four) free, the same
// tile serves more than one row of y, for which the weights are packed with a shift: a 3x3 kernel
// gives two rows from four.
//
// Without VPDPBUSD the bytes of a lane are widened to 16 bits, even and odd ones apart, and two
// VPMADDWD do the same.
//
// Cost, with 512 bits, for 64 channels of a 3x3 kernel of stride 1: 12 VPDPBUSD for each pixel of
// y, 4 unpacks, and 14 instructions to write it, or 34 where an activation is looked up.
//
// This is text for files of one instruction set, not to be linked. The vector type has some
// functions more than vector_avx512.h: DotQuads, Negate, MinBytes, MaxBytes, and LoadSome without a
// branch.

#include <cstdint>

#include "custom_ops/conv/depthwise_args.h"
#include "custom_ops/kernels/activation_functions.h"
#include "custom_ops/kernels/epilogue/look_up_words.h"

namespace tfsparse {
namespace {

#define TFSPARSE_INLINE inline __attribute__((always_inline))

// Bytes of a block's channels, of four places each.
template <class Vec>
inline constexpr int64_t kPlace = 16 * Vec::kLanes;
// Those of a register.
template <class Vec>
inline constexpr int64_t kRegister = 4 * Vec::kLanes;

// A byte everywhere.
template <class Vec>
TFSPARSE_INLINE typename Vec::I32 OfBytes(int32_t byte) {
  return Vec::Broadcast(static_cast<int32_t>(static_cast<uint32_t>(byte) * 0x1010101u));
}

// Four registers of bytes, a channel each, as four of quads.
template <class Vec>
TFSPARSE_INLINE void Interleave(const typename Vec::I32 (&rows)[4], void* quads) {
  uint8_t* to = static_cast<uint8_t*>(quads);
  const auto low01 = Vec::InterleaveLow8(rows[0], rows[1]);
  const auto low23 = Vec::InterleaveLow8(rows[2], rows[3]);
  const auto high01 = Vec::InterleaveHigh8(rows[0], rows[1]);
  const auto high23 = Vec::InterleaveHigh8(rows[2], rows[3]);
  Vec::StoreInts(to, Vec::InterleaveLow16(low01, low23));
  Vec::StoreInts(to + kRegister<Vec>, Vec::InterleaveHigh16(low01, low23));
  Vec::StoreInts(to + 2 * kRegister<Vec>, Vec::InterleaveLow16(high01, high23));
  Vec::StoreInts(to + 3 * kRegister<Vec>, Vec::InterleaveHigh16(high01, high23));
}

template <class Vec>
void PackDepthwise(const PackDepthwiseArgs& args) {
  using I32 = typename Vec::I32;
  const auto* weights = reinterpret_cast<const uint8_t*>(args.weights);
  int8_t* to = args.packed;
  for (int64_t row = 0; row < args.out_rows; ++row) {
    for (int64_t group = 0; group < args.groups; ++group) {
      for (int64_t column = 0; column < args.kernel_width; ++column, to += kPlace<Vec>) {
        I32 rows[4];
        for (int i = 0; i < 4; ++i) {
          const int64_t tap = 4 * group + i - row * args.stride;
          const bool is_there = tap >= 0 && tap < args.kernel_height;
          const int64_t place = tap * args.kernel_width + column;
          rows[i] =
              is_there ? Vec::LoadSome(weights + place * args.channels, args.count) : Vec::Zero();
        }
        Interleave<Vec>(rows, to);
      }
    }
  }
  const I32 zero_points = OfBytes<Vec>(args.x_zero_point);
  for (int v = 0; v < 4; ++v) {
    I32 sum = Vec::Zero();
    for (int64_t place = 0; place < args.groups * args.kernel_width; ++place) {
      const int8_t* quads = args.packed + place * kPlace<Vec> + v * kRegister<Vec>;
      sum = Vec::DotQuads(sum, zero_points, Vec::LoadInts(quads));
    }
    Vec::Store(args.acc_init + v * Vec::kLanes, Vec::Negate(sum));
  }
}

// Columns [first, first + count) of x into the tile; some may be padding.
template <class Vec>
TFSPARSE_INLINE void FillTile(const DepthwiseArgs& args, int64_t first, int64_t count) {
  const auto padding = OfBytes<Vec>(args.x_zero_point);
  for (int64_t group = 0; group < args.groups; ++group) {
    const uint8_t* const* from = args.rows + 4 * group;
    uint8_t* to = args.tile + group * count * kPlace<Vec>;
    for (int64_t column = first; column < first + count; ++column, to += kPlace<Vec>) {
      if (column < 0 || column >= args.width) {
        for (int v = 0; v < 4; ++v) Vec::StoreInts(to + v * kRegister<Vec>, padding);
        continue;
      }
      typename Vec::I32 rows[4];
      for (int i = 0; i < 4; ++i) {
        rows[i] = from[i] == nullptr ? padding
                                     : Vec::LoadSome(from[i] + column * args.channels, args.count);
      }
      Interleave<Vec>(rows, to);
    }
  }
}

// The sums of C neighbouring pixels of y, whose first one begins at `tile`.
template <class Vec, int C>
TFSPARSE_INLINE void Multiply(const DepthwiseArgs& args, const uint8_t* tile, int64_t tile_columns,
                              const int8_t* weights, typename Vec::I32 (&acc)[C][4]) {
#pragma GCC unroll 4
  for (int v = 0; v < 4; ++v) {
    const auto init = Vec::LoadInts(args.acc_init + v * Vec::kLanes);
#pragma GCC unroll 8
    for (int c = 0; c < C; ++c) acc[c][v] = init;
  }
  const int64_t step = args.stride * kPlace<Vec>;
  for (int64_t group = 0; group < args.groups; ++group) {
    const uint8_t* place = tile + group * tile_columns * kPlace<Vec>;
    for (int64_t column = 0; column < args.kernel_width; ++column) {
#pragma GCC unroll 4
      for (int v = 0; v < 4; ++v) {
        const auto w = Vec::LoadInts(weights + v * kRegister<Vec>);
#pragma GCC unroll 8
        for (int c = 0; c < C; ++c) {
          const auto x = Vec::LoadInts(place + c * step + v * kRegister<Vec>);
          acc[c][v] = Vec::DotQuads(acc[c][v], x, w);
        }
      }
      weights += kPlace<Vec>;
      place += args.dilation * kPlace<Vec>;
    }
  }
}

// Four registers of whole numbers as bytes, in the order of the channels. Held between 0 and 255 by
// the packs.
template <class Vec>
TFSPARSE_INLINE typename Vec::I32 Bytes(const typename Vec::I32 (&q)[4], int32_t zero_point) {
  const auto zero_points = Vec::Broadcast(zero_point * 0x10001);  // in 16 bits, twice
  const auto low = Vec::AddSaturated16(Vec::Saturate32To16(q[0], q[1]), zero_points);
  const auto high = Vec::AddSaturated16(Vec::Saturate32To16(q[2], q[3]), zero_points);
  return Vec::Saturate16ToU8(low, high);
}

// Rounded values as bytes: what only bounds them, and what an activation makes of them.
template <class Vec>
struct Bounded {
  explicit Bounded(const DepthwiseArgs& args)
      : least(OfBytes<Vec>(args.least_byte)),
        most(OfBytes<Vec>(args.most_byte)),
        zero_point(args.y_zero_point) {}
  TFSPARSE_INLINE typename Vec::I32 operator()(const typename Vec::I32 (&q)[4]) const {
    return Vec::MinBytes(Vec::MaxBytes(Bytes<Vec>(q, zero_point), least), most);
  }
  typename Vec::I32 least, most;
  int32_t zero_point;
};

template <class Vec>
struct LookedUp {
  explicit LookedUp(const DepthwiseArgs& args) : table(*args.table) {}
  TFSPARSE_INLINE typename Vec::I32 operator()(const typename Vec::I32 (&q)[4]) const {
    return Vec::Saturate16ToU8(LookUpWords<Vec>(table, Vec::Saturate32To16(q[0], q[1])),
                               LookUpWords<Vec>(table, Vec::Saturate32To16(q[2], q[3])));
  }
  const ActivationTable& table;
};

// The loops over registers are unrolled, or the accumulators would lie in memory.
template <class Vec, int C, class ToBytes>
TFSPARSE_INLINE void StoreBytes(const DepthwiseArgs& args, const typename Vec::I32 (&acc)[C][4],
                                const ToBytes& to_bytes, uint8_t* y) {
  // y's bytes could be anybody's, so what is read of args again and again is read before.
  const float *const scale = args.scale, *const bias = args.bias;
  const int64_t channels = args.channels, count = args.count;
#pragma GCC unroll 8
  for (int c = 0; c < C; ++c) {
    typename Vec::I32 q[4];
#pragma GCC unroll 4
    for (int v = 0; v < 4; ++v) {
      const auto value =
          Vec::MultiplyAdd(Vec::ToFloats(acc[c][v]), Vec::Load(scale + v * Vec::kLanes),
                           Vec::Load(bias + v * Vec::kLanes));
      q[v] = Vec::Round(value);
    }
    Vec::StoreSome(y + c * channels, to_bytes(q), count);
  }
}

// Of a block's channels in lane order, to y in theirs.
template <class Vec>
TFSPARSE_INLINE void StoreFloats(const float* lanes, int64_t count, float* y) {
  constexpr int L = Vec::kLanes;
  for (int64_t c = 0; c < count; c += 4) {
    const float* from = lanes + c % 16 / 4 * L + c / 16 * 4;
    if (c + 4 <= count) {
      __builtin_memcpy(y + c, from, 4 * sizeof(float));
    } else {
      for (int64_t i = c; i < count; ++i) y[i] = from[i - c];
    }
  }
}

// What the sums of `pixels` pixels become that is activated without a table, or that stays float.
template <class Vec, class Lanes, Activation kActivation>
__attribute__((noinline)) void FinishAs(const DepthwiseArgs& args, int64_t pixels, int64_t place) {
  constexpr int L = Vec::kLanes;
  const auto inv_scale = Vec::Broadcast(args.inv_y_scale);
  const auto low = Vec::Broadcast(args.low), high = Vec::Broadcast(args.high);
  for (int64_t pixel = 0; pixel < pixels; ++pixel, place += args.channels) {
    alignas(64) float values[4 * L];
    typename Vec::I32 q[4];
    for (int v = 0; v < 4; ++v) {
      const auto sum = Vec::LoadInts(args.acc + (4 * pixel + v) * L);
      const auto value = Activate<Lanes, kActivation>(Vec::MultiplyAdd(
          Vec::ToFloats(sum), Vec::Load(args.scale + v * L), Vec::Load(args.bias + v * L)));
      if (args.y_is_u8) {
        q[v] = Vec::Round(Vec::Min(Vec::Max(Vec::Multiply(value, inv_scale), low), high));
      } else {
        Vec::Store(values + v * L, value);
      }
    }
    if (args.y_is_u8) {
      uint8_t* y = static_cast<uint8_t*>(args.y) + place;
      Vec::StoreSome(y, Bytes<Vec>(q, args.y_zero_point), args.count);
    } else {
      StoreFloats<Vec>(values, args.count, static_cast<float*>(args.y) + place);
    }
  }
}

// C pixels from an element of y on.
template <class Vec, class Lanes, int C>
TFSPARSE_INLINE void Pixels(const DepthwiseArgs& args, const uint8_t* tile, int64_t tile_columns,
                            const int8_t* weights, int64_t place) {
  typename Vec::I32 acc[C][4];
  Multiply<Vec, C>(args, tile, tile_columns, weights, acc);
  uint8_t* const bytes = static_cast<uint8_t*>(args.y) + place;
  if (args.is_bounded) return StoreBytes<Vec, C>(args, acc, Bounded<Vec>(args), bytes);
  if (args.table != nullptr) return StoreBytes<Vec, C>(args, acc, LookedUp<Vec>(args), bytes);
  int32_t* const sums = args.acc;
#pragma GCC unroll 8
  for (int c = 0; c < C; ++c) {
#pragma GCC unroll 4
    for (int v = 0; v < 4; ++v) Vec::Store(sums + (4 * c + v) * Vec::kLanes, acc[c][v]);
  }
  WithActivation(args.activation, [&](auto activation) {
    FinishAs<Vec, Lanes, decltype(activation)::value>(args, C, place);
  });
}

// `columns` columns of a row of y from `first` on. The last pixels are computed twice where they
// are no multiple of C.
template <class Vec, class Lanes, int C>
TFSPARSE_INLINE void Row(const DepthwiseArgs& args, int64_t row, int64_t first, int64_t columns,
                         int64_t tile_columns) {
  const int8_t* weights = args.packed + row * args.groups * args.kernel_width * kPlace<Vec>;
  const int64_t begin = row * args.out_columns + first;
  for (int64_t column = 0; column < columns; column += C) {
    if (C > 1 && column + C > columns) column = columns - C;
    Pixels<Vec, Lanes, C>(args, args.tile + column * args.stride * kPlace<Vec>, tile_columns,
                          weights, (begin + column) * args.channels);
  }
}

template <class Vec, class Lanes, int C>
void DepthwiseStrip(const DepthwiseArgs& args) {
  for (int64_t first = 0; first < args.out_columns; first += args.columns) {
    const int64_t left = args.out_columns - first;
    const int64_t columns = left < args.columns ? left : args.columns;
    const int64_t tile_columns =
        (columns - 1) * args.stride + (args.kernel_width - 1) * args.dilation + 1;
    FillTile<Vec>(args, first * args.stride - args.before, tile_columns);
    for (int64_t row = 0; row < args.out_rows; ++row) {
      columns < C ? Row<Vec, Lanes, 1>(args, row, first, columns, tile_columns)
                  : Row<Vec, Lanes, C>(args, row, first, columns, tile_columns);
    }
  }
}

template <class Vec, class Lanes, int C>
DepthwiseKernel KernelOf() {
  static_assert(C <= kDepthwiseColumns && 4 * Vec::kLanes <= kDepthwiseBlock);
  return {4 * Vec::kLanes, PackDepthwise<Vec>, DepthwiseStrip<Vec, Lanes, C>};
}

// Four products of bytes in each lane where there is no VPDPBUSD.
template <class Vec>
TFSPARSE_INLINE typename Vec::I32 DotQuadsByPairs(typename Vec::I32 sum, typename Vec::I32 x,
                                                  typename Vec::I32 w) {
  const auto even = Vec::DotPairs(Vec::EvenBytes(x), Vec::EvenSignedBytes(w));
  return Vec::Add(Vec::Add(sum, even), Vec::DotPairs(Vec::OddBytes(x), Vec::OddSignedBytes(w)));
}

#undef TFSPARSE_INLINE

}  // namespace
}  // namespace tfsparse

#endif  // TFSPARSE_CUSTOM_OPS_CONV_DEPTHWISE_ROWS_H_
