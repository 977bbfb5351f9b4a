#ifndef TFSPARSE_CUSTOM_OPS_INTERACTION_INTERACTION_DOTS_H_
#define TFSPARSE_CUSTOM_OPS_INTERACTION_INTERACTION_DOTS_H_

// The dots of an item's operands P (interaction_operands.h): rows into lanes, and tiles of
// products.
//
// Bytes. What is multiplied is a_i = x_i + t_i of a row i, signed, and b_j = x_j + t_j + 128 of a
// lane j, unsigned; t is 0 but for a uint8 dense vector, whose bytes minus 128 are taken for signed
// ones. So
//
//   x_i . x_j = a_i . b_j - (t_j + 128) A_i - t_i X_j
//
// with the sums A_i of a_i and X_j of x_j = A_j - depth t_j: exact, as 32 bits hold each sum.
//
// This is text for files of one instruction set, not to be linked.

#include <cstdint>

#include "custom_ops/interaction/interaction_args.h"
#include "custom_ops/interaction/prefetch_lookups.h"

namespace tfsparse {
namespace {

#define TFSPARSE_INLINE static inline __attribute__((always_inline))

// Prefetches an item to come in portions, one with each step of the dots. All at once, they would
// occupy what the processor keeps track of cache misses with, and the loads of this item would
// wait.
class Ahead {
 public:
  Ahead(const InteractionArgs& args, const InteractionItem& item)
      : args_(args), item_(item), end_(item.next_block == nullptr ? 0 : args.features - 1) {
    // A step for 16 rows into lanes, and for 8 rows by up to 32.
    const int64_t steps = args.operands / 16 + args.operands / 8 * (args.operands / 32 + 1) + 1;
    portion_ = end_ / steps + 1;
  }

  void Some() { Until(next_ + portion_ < end_ ? next_ + portion_ : end_); }
  void Rest() { Until(end_); }

 private:
  void Until(int64_t end) {
    if (next_ == end) return;
    PrefetchLookups(args_, item_, next_, end);
    next_ = end;
  }

  const InteractionArgs& args_;
  const InteractionItem& item_;
  const int64_t end_;
  int64_t next_ = 0, portion_;
};

template <class P>
struct Dots {
  using Vec = typename P::Vec;
  using F32 = typename Vec::F32;
  using I32 = typename Vec::I32;
  using Sum = typename P::Sum;
  static constexpr int L = Vec::kLanes;
  // Operands that a register of half the size holds, where there are such.
  static constexpr int kHalf = P::kHasHalf ? L / 2 : 0;

  // L operands from `first` on into lanes, group after group; and their sums.
  static void FillLanes(const InteractionArgs& args, const InteractionScratch& scratch,
                        int64_t first) {
    alignas(64) static constexpr uint8_t kZeros[64] = {};
    const int64_t groups = (args.depth + P::kInLane - 1) / P::kInLane;
    const int64_t pitch = args.operand_pitch * 4, count = args.operands - first;
    unsigned char* to = scratch.lanes + first * 4;
    const auto flip = Vec::Broadcast(P::kFlip);
    I32 sums = Vec::Zero();
    for (int64_t g = 0; g < groups; g += L) {
      const uint8_t* rows[L];
      for (int i = 0; i < L; ++i) {
        rows[i] =
            i < count ? static_cast<const uint8_t*>(scratch.row_at[first + i]) + 4 * g : kZeros;
      }
      I32 lanes[L];
      if (groups - g >= L) {
        Vec::LoadTransposed(rows, lanes);
      } else {
        for (int i = 0; i < L; ++i) lanes[i] = Vec::LoadSome(rows[i], 4 * (groups - g));
        Vec::Transpose(lanes);
      }
#pragma GCC unroll 16
      for (int i = 0; i < L; ++i) {
        if constexpr (P::kHasShifts) {
          sums = Vec::DotQuads(sums, Vec::Broadcast(0x01010101), lanes[i]);
        }
        Vec::StoreInts(to + (g + i) * pitch, Vec::Xor(lanes[i], flip));
      }
    }
    if constexpr (P::kHasShifts) Vec::StoreInts(scratch.sums + first, sums);
  }

  // Dots of row i with the operands of a register.
  TFSPARSE_INLINE F32 Finish(const InteractionArgs& args, const InteractionScratch& scratch,
                             int64_t i, int64_t lane, Sum sum) {
    if constexpr (!P::kIsInt) {
      return sum;
    } else {
      if constexpr (P::kHasShifts) {
        const I32 shifts = Vec::LoadInts(scratch.shifts + lane);
        const I32 of_lanes = Vec::Add(shifts, Vec::Broadcast(128));
        sum = Vec::Subtract(sum, Vec::Multiply(of_lanes, Vec::Broadcast(scratch.sums[i])));
        if (scratch.shifts[i] != 0) {
          const auto depth = Vec::Broadcast(static_cast<int32_t>(args.depth));
          const I32 whole =
              Vec::Subtract(Vec::LoadInts(scratch.sums + lane), Vec::Multiply(depth, shifts));
          sum = Vec::Subtract(sum, Vec::Multiply(whole, Vec::Broadcast(scratch.shifts[i])));
        }
      }
      const F32 scale =
          Vec::Multiply(Vec::Broadcast(scratch.scales[i]), Vec::Load(scratch.scales + lane));
      return Vec::Multiply(Vec::ToFloats(sum), scale);
    }
  }

  TFSPARSE_INLINE I32 BroadcastGroup(const char* at) {
    int32_t group;
    __builtin_memcpy(&group, at, sizeof(group));
    return Vec::Broadcast(group);
  }

  // Rows from `row` on, as many as R before `end`, by V registers of operands from `lane` on.
  template <int R, int V>
  static void Tile(const InteractionArgs& args, const InteractionScratch& scratch, int64_t row,
                   int64_t end, int64_t lane) {
    const int64_t groups = (args.depth + P::kInLane - 1) / P::kInLane;
    const int64_t pitch = args.operand_pitch * 4;
    const char* a[R];
    Sum sums[R][V];
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r) {
      a[r] = static_cast<const char*>(scratch.row_at[row + r < end ? row + r : end - 1]);
#pragma GCC unroll 2
      for (int v = 0; v < V; ++v) sums[r][v] = P::Zero();
    }
    const unsigned char* lanes = scratch.lanes + lane * 4;
    for (int64_t g = 0; g < groups; ++g, lanes += pitch) {
      I32 b[V];
#pragma GCC unroll 2
      for (int v = 0; v < V; ++v) b[v] = Vec::LoadInts(lanes + v * L * 4);
#pragma GCC unroll 8
      for (int r = 0; r < R; ++r) {
        const I32 group = BroadcastGroup(a[r] + 4 * g);
#pragma GCC unroll 2
        for (int v = 0; v < V; ++v) sums[r][v] = P::MultiplyAdd(sums[r][v], group, b[v]);
      }
    }
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r) {
      const int64_t i = row + r < end ? row + r : end - 1;
#pragma GCC unroll 2
      for (int v = 0; v < V; ++v) {
        Vec::Store(scratch.dots + i * args.operand_pitch + lane + v * L,
                   Finish(args, scratch, i, lane + v * L, sums[r][v]));
      }
    }
  }

  template <int R>
  static void Rows(const InteractionArgs& args, const InteractionScratch& scratch, int64_t row,
                   int64_t end, Ahead* ahead) {
    int64_t first = args.operand_pitch, last = 0;  // operands that any row is dotted with
    for (int64_t i = row; i < end; ++i) {
      if (args.row_begin[i] == args.row_end[i]) continue;
      first = args.row_begin[i] < first ? args.row_begin[i] : first;
      last = args.row_end[i] > last ? args.row_end[i] : last;
    }
    int64_t lane = first / L * L;
    while (lane < last) {
      ahead->Some();
      const int64_t left = last - lane;
      if (left > L + kHalf) {
        Tile<R, 2>(args, scratch, row, end, lane);
        lane += 2 * L;
      } else if (left > kHalf) {
        Tile<R, 1>(args, scratch, row, end, lane);
        lane += L;
      } else {
        if constexpr (kHalf > 0) {
          Dots<typename P::Half>::template Tile<R, 1>(args, scratch, row, end, lane);
        }
        lane = last;
      }
    }
  }

  static void Run(const InteractionArgs& args, const InteractionScratch& scratch, Ahead* ahead) {
    constexpr int R = Vec::kRows;
    const int64_t count = args.operands;
    for (int64_t lane = 0; lane < count; lane += L) {
      ahead->Some();
      FillLanes(args, scratch, lane);
    }
    int64_t row = 0;
    for (; count - row > R / 2; row += R) {
      Rows<R>(args, scratch, row, row + R < count ? row + R : count, ahead);
    }
    if (row < count) Rows<R / 2>(args, scratch, row, count, ahead);
  }
};

#undef TFSPARSE_INLINE

}  // namespace
}  // namespace tfsparse

#endif  // TFSPARSE_CUSTOM_OPS_INTERACTION_INTERACTION_DOTS_H_
