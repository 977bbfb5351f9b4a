#ifndef TFSPARSE_CUSTOM_OPS_INTERACTION_INTERACTION_GROUP_DOTS_H_
#define TFSPARSE_CUSTOM_OPS_INTERACTION_INTERACTION_GROUP_DOTS_H_

// The dots of a group of items over operands P (interaction_operands.h), an item in each lane: rows
// into lanes, tiles of 4 by 4 dots, and their scales. Operands of all items are cut into depths
// that caches hold, so a tile may be added to several times.
//
// This is text for files of one instruction set, not to be linked.

#include <cstdint>

#include "custom_ops/interaction/interaction_args.h"
#include "custom_ops/interaction/prefetch_lookups.h"

namespace tfsparse {
namespace {

#define TFSPARSE_MEMBER inline __attribute__((always_inline))
#define TFSPARSE_INLINE static TFSPARSE_MEMBER

// Prefetches the items to come in portions, one with each tile of dots. Single ones would each wait
// for a page walk, which a portion's do together.
class GroupAhead {
 public:
  GroupAhead(const InteractionArgs& args, const InteractionItem* items, int64_t count,
             int64_t portions)
      : args_(args),
        items_(items),
        left_(count * (args.features - 1)),
        portion_(left_ / portions + 1) {}

  void Some() { Next(portion_ < left_ ? portion_ : left_); }
  void Rest() { Next(left_); }

 private:
  void Next(int64_t count) {
    left_ -= count;
    while (count > 0) {
      const int64_t some =
          count < args_.features - 1 - lookup_ ? count : args_.features - 1 - lookup_;
      if (items_->next_block != nullptr) {
        PrefetchLookups<2>(args_, *items_, lookup_, lookup_ + some);
      }
      count -= some;
      lookup_ += some;
      if (lookup_ == args_.features - 1) lookup_ = 0, ++items_;
    }
  }

  const InteractionArgs& args_;
  const InteractionItem* items_;
  int64_t left_, portion_, lookup_ = 0;
};

template <class P>
struct GroupDots {
  using Vec = typename P::Vec;
  using F32 = typename Vec::F32;
  using I32 = typename Vec::I32;
  using Sum = typename P::Sum;
  static constexpr int L = Vec::kLanes;
  static constexpr int kTile = 4;            // operands
  static constexpr int64_t kVector = 4 * L;  // bytes

  // Groups `from` to `to` of an operand of all items into lanes.
  static void FillLanes(const InteractionArgs& args, const InteractionScratch& scratch, int64_t o,
                        int64_t from, int64_t to) {
    unsigned char* lanes = scratch.lanes + o * kGroupDepth * kVector;
    I32 sums = from == 0 ? Vec::Zero() : Vec::LoadInts(scratch.sums + o * L);
    for (int64_t g = from; g < to; g += L, lanes += L * kVector) {
      const uint8_t* rows[L];
      for (int i = 0; i < L; ++i) {
        rows[i] = static_cast<const uint8_t*>(scratch.row_at[o * L + i]) + 4 * g;
      }
      I32 r[L];
      if (to - g >= L) {
        Vec::LoadTransposed(rows, r);
      } else {
        for (int i = 0; i < L; ++i) r[i] = Vec::LoadSome(rows[i], 4 * (to - g));
        Vec::Transpose(r);
      }
#pragma GCC unroll 16
      for (int i = 0; i < L; ++i) {
        if constexpr (P::kHasShifts) {
          sums = Vec::DotQuads(sums, Vec::Broadcast(0x01010101), r[i]);
        }
        Vec::StoreInts(lanes + i * kVector, r[i]);
      }
    }
    if constexpr (P::kHasShifts) Vec::StoreInts(scratch.sums + o * L, sums);
  }

  TFSPARSE_INLINE Sum LoadSum(const float* at) {
    if constexpr (P::kIsInt) {
      return Vec::LoadInts(at);
    } else {
      return Vec::Load(at);
    }
  }
  TFSPARSE_INLINE void StoreSum(float* at, Sum sum) {
    if constexpr (P::kIsInt) {
      Vec::StoreInts(at, sum);
    } else {
      Vec::Store(at, sum);
    }
  }

  // Where the dots of a tile are.
  TFSPARSE_INLINE float* TileAt(const InteractionArgs& args, const InteractionScratch& scratch,
                                int64_t row, int64_t column) {
    const int64_t tile = row / kTile * (args.operand_pitch / kTile) + column / kTile;
    return scratch.dots + tile * kTile * kTile * L;
  }

  // Adds `groups` of products to a tile, or begins it. kIsTriangle: only of columns up to the row.
  template <bool kIsTriangle>
  static void Tile(const InteractionArgs& args, const InteractionScratch& scratch, int64_t row,
                   int64_t column, int64_t groups, bool begins) {
    const unsigned char *a[kTile], *b[kTile];
    const int64_t last = args.operands - 1, size = kGroupDepth * kVector;
    float* dots = TileAt(args, scratch, row, column);
    Sum sums[kTile][kTile];
#pragma GCC unroll 4
    for (int r = 0; r < kTile; ++r) {
      a[r] = scratch.lanes + (row + r < last ? row + r : last) * size;
      b[r] = scratch.lanes + (column + r < last ? column + r : last) * size;
#pragma GCC unroll 4
      for (int c = 0; c < (kIsTriangle ? r + 1 : kTile); ++c) {
        sums[r][c] = begins ? P::Zero() : LoadSum(dots + (r * kTile + c) * L);
      }
    }
    const auto flip = Vec::Broadcast(P::kFlip);
    for (int64_t at = 0; at < groups * kVector; at += kVector) {
      I32 y[kTile];
#pragma GCC unroll 4
      for (int c = 0; c < kTile; ++c) y[c] = Vec::Xor(Vec::LoadInts(b[c] + at), flip);
#pragma GCC unroll 4
      for (int r = 0; r < kTile; ++r) {
        const I32 x = Vec::LoadInts(a[r] + at);
#pragma GCC unroll 4
        for (int c = 0; c < (kIsTriangle ? r + 1 : kTile); ++c) {
          sums[r][c] = P::MultiplyAdd(sums[r][c], x, y[c]);
        }
      }
    }
#pragma GCC unroll 4
    for (int r = 0; r < kTile; ++r) {
#pragma GCC unroll 4
      for (int c = 0; c < (kIsTriangle ? r + 1 : kTile); ++c) {
        StoreSum(dots + (r * kTile + c) * L, sums[r][c]);
      }
    }
  }

  // Tiles of kTile rows.
  static void Rows(const InteractionArgs& args, const InteractionScratch& scratch, int64_t row,
                   int64_t groups, bool begins, GroupAhead* ahead) {
    int64_t first = args.operands, last = 0;  // operands that any row is dotted with
    bool is_triangle = true;
    for (int64_t i = row; i < row + kTile && i < args.operands; ++i) {
      if (args.row_begin[i] == args.row_end[i]) continue;
      first = args.row_begin[i] < first ? args.row_begin[i] : first;
      last = args.row_end[i] > last ? args.row_end[i] : last;
      is_triangle = is_triangle && args.row_end[i] <= i + 1;
    }
    for (int64_t column = first / kTile * kTile; column < last; column += kTile) {
      ahead->Some();
      if (column == row && is_triangle) {
        Tile<true>(args, scratch, row, column, groups, begins);
      } else {
        Tile<false>(args, scratch, row, column, groups, begins);
      }
    }
  }

  static void Fill(const InteractionArgs& args, const InteractionScratch& scratch,
                   const InteractionItem* items) {
    const int64_t groups = (args.depth + P::kInLane - 1) / P::kInLane;
    const int64_t blocks = (args.operands + kTile - 1) / kTile;
    GroupAhead ahead(args, items, L,
                     (groups + kGroupDepth - 1) / kGroupDepth * blocks * (blocks + 1) / 2 + 1);
    // A depth of 0 has a step as well, which begins the sums.
    for (int64_t g = 0; g == 0 || g < groups; g += kGroupDepth) {
      const int64_t end = g + kGroupDepth < groups ? g + kGroupDepth : groups;
      for (int64_t o = 0; o < args.operands; ++o) FillLanes(args, scratch, o, g, end);
      for (int64_t row = 0; row < args.operands; row += kTile) {
        Rows(args, scratch, row, end - g, g == 0, &ahead);
      }
    }
    ahead.Rest();
  }

  // The dots of operand i, of all items; interaction_dots.h has the formula of bytes.
  struct Row {
    Row(const InteractionArgs& args, const InteractionScratch& of_thread, int64_t i)
        : scratch(of_thread), depth(static_cast<int32_t>(args.depth)) {
      at = TileAt(args, scratch, i, 0) + i % kTile * kTile * L;
      if constexpr (P::kIsInt) scale = Vec::Load(scratch.scales + i * L);
      if constexpr (P::kHasShifts) {
        shift = scratch.shifts[i * L];  // of all items
        sums = Vec::LoadInts(scratch.sums + i * L);
        of_128 = Vec::Multiply(sums, Vec::Broadcast(128));
      }
    }

    // With operand j.
    TFSPARSE_MEMBER F32 With(int64_t j) const {
      Sum sum = LoadSum(at + (j / kTile * kTile * kTile + j % kTile) * L);
      if constexpr (!P::kIsInt) {
        return sum;
      } else {
        if constexpr (P::kHasShifts) {
          sum = Vec::Subtract(sum, of_128);
          const int32_t other = scratch.shifts[j * L];
          if (other != 0) sum = Vec::Subtract(sum, Vec::Multiply(sums, Vec::Broadcast(other)));
          if (shift != 0) {
            const I32 whole =
                Vec::Subtract(Vec::LoadInts(scratch.sums + j * L), Vec::Broadcast(depth * other));
            sum = Vec::Subtract(sum, Vec::Multiply(whole, Vec::Broadcast(shift)));
          }
        }
        const F32 both = Vec::Multiply(scale, Vec::Load(scratch.scales + j * L));
        return Vec::Multiply(Vec::ToFloats(sum), both);
      }
    }

    const InteractionScratch& scratch;
    const int32_t depth;
    const float* at;
    F32 scale;
    int32_t shift = 0;
    I32 sums, of_128;
  };
};

#undef TFSPARSE_MEMBER
#undef TFSPARSE_INLINE

}  // namespace
}  // namespace tfsparse

#endif  // TFSPARSE_CUSTOM_OPS_INTERACTION_INTERACTION_GROUP_DOTS_H_
