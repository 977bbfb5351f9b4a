#ifndef TFSPARSE_CUSTOM_OPS_KERNELS_FEW_ROWS_AVX512_H_
#define TFSPARSE_CUSTOM_OPS_KERNELS_FEW_ROWS_AVX512_H_

// Few rows of x, so few that lanes full of rows would be empty: the lanes hold what a
// strip stores instead, the H outputs of 16 / H groups, and an element of x is broadcast
// to the lanes of its group.
//
//   lane     j * H + h: group j, output h, as PackedWeights has them one after the other
//   x        a broadcast from memory for one group; 16 / H of them under masks otherwise
//   sums     a register for each row; at the end of a strip its 16 / H parts are added
//
// A register of weights is read once for all rows, and nothing of x is packed before.
//
// Cost: 1 + M * 16 / H loads and M multiply-adds for every 16 lanes of weights. Two loads
// a cycle are the limit: with H = 8 that is 1.5 cycles for one row and 2.5 for two. From
// some number of rows on, which is a column of kernels.inc, rows in the lanes are faster.
//
// U sets of sums are there to hide the latency of a multiply-add: M * U >= 4.
//
// Included by files for one instruction set only, and by nothing else.

#include <immintrin.h>

#include "custom_ops/kernels/kernel_args.h"

namespace tfsparse {
namespace {

// The 16 / H elements of a row that `count` groups need, each in the H lanes of its group: every
// kApart-th of the columns.
//
// In assembly, because clang makes the blends that are free beside a load into shuffles,
// for which there is but one port: twice as slow.
template <int H, int kApart = 1>
inline __attribute__((always_inline)) __m512i PickGroups(const char* row, const int32_t* column,
                                                         int count) {
  struct __attribute__((packed, may_alias)) Element {  // at any address
    int32_t bits;
  };
  const auto element = [&](int j) {
    return reinterpret_cast<const Element*>(row + static_cast<int64_t>(column[j * kApart]) * 4);
  };
  __m512i x = _mm512_set1_epi32(element(0)->bits);
  for (int j = 1; j < count; ++j) {
    const __mmask16 lanes = static_cast<__mmask16>(((1u << H) - 1) << (j * H));
    __asm__("vpbroadcastd %1, %0%{%2%}" : "+v"(x) : "m"(*element(j)), "Yk"(lanes));
  }
  return x;
}

// Ops whose groups are an element of x each.
struct OneColumn {
  static constexpr int kColumns = 1;

  template <int H>
  static inline __attribute__((always_inline)) __m512i Pick(const char* row, const int32_t* column,
                                                            int count) {
    return PickGroups<H>(row, column, count);
  }
};

// Adds the parts of a strip's sums to what they begin with; the first H lanes are stored.
template <class Ops, int H>
inline __attribute__((always_inline)) void StoreSums(__m512i acc, const void* init, void* sums) {
  constexpr __mmask16 kOutputs = static_cast<__mmask16>((1u << H) - 1);
  __m512i all = Ops::Add(acc, _mm512_shuffle_i64x2(acc, acc, 0x4e));
  if constexpr (H <= 4) all = Ops::Add(all, _mm512_shuffle_i64x2(all, all, 0xb1));
  if constexpr (H <= 2) all = Ops::Add(all, _mm512_shuffle_epi32(all, _MM_PERM_BADC));
  if constexpr (H == 1) all = Ops::Add(all, _mm512_shuffle_epi32(all, _MM_PERM_CDAB));
  all = Ops::Add(all, _mm512_maskz_loadu_epi32(kOutputs, init));
  _mm512_mask_storeu_epi32(sums, kOutputs, all);
}

// Ops: the size of a value, the columns of a group, Pick<H>(row, column, count) for its lanes
// of x, and Add(a, b) and MultiplyAdd(acc, x, w) of 32-bit lanes.
template <class Ops, int H, int M>
void FewRows(const FewRowsArgs& args) {
  constexpr int kGroups = kLanes / H;
  constexpr int kUnroll = M >= 4 ? 1 : M >= 2 ? 2 : 4;
  constexpr int kStep = kGroups * kUnroll, kColumns = Ops::kColumns;
  const char* x = static_cast<const char*>(args.x);
  for (int64_t s = 0; s < args.num_strips; ++s) {
    const Strip& strip = args.strips[s];
    const int32_t* column = args.columns + strip.column;
    const char* w = static_cast<const char*>(args.values) + strip.value * Ops::kValueBytes;
    __m512i acc[kUnroll][M];
    for (int u = 0; u < kUnroll; ++u) {
      for (int m = 0; m < M; ++m) acc[u][m] = _mm512_setzero_si512();
    }
    int64_t left = strip.groups;
    for (; left >= kStep; left -= kStep, column += kStep * kColumns, w += kUnroll * 64) {
      for (int u = 0; u < kUnroll; ++u) {
        const __m512i weights = _mm512_loadu_si512(w + 64 * u);
        for (int m = 0; m < M; ++m) {
          const __m512i picked =
              Ops::template Pick<H>(x + m * args.stride, column + u * kGroups * kColumns, kGroups);
          acc[u][m] = Ops::MultiplyAdd(acc[u][m], picked, weights);
        }
      }
    }
    for (; left > 0; left -= kGroups, column += kGroups * kColumns, w += 64) {
      const int count = static_cast<int>(left < kGroups ? left : kGroups);
      const __mmask16 lanes = static_cast<__mmask16>((1u << (count * H)) - 1);
      const __m512i weights = _mm512_maskz_loadu_epi32(lanes, w);
      for (int m = 0; m < M; ++m) {
        const __m512i picked = Ops::template Pick<H>(x + m * args.stride, column, count);
        // Masked as well, since infinity times a zero that is not there is NaN.
        acc[0][m] = Ops::MultiplyAdd(acc[0][m], _mm512_maskz_mov_epi32(lanes, picked), weights);
      }
    }
    const int64_t first = (strip.out - args.first_out) * 4;
    const char* init = static_cast<const char*>(args.init) + first;
    char* sums = static_cast<char*>(args.sums) + first;
    for (int m = 0; m < M; ++m) {
      for (int u = 1; u < kUnroll; ++u) acc[0][m] = Ops::Add(acc[0][m], acc[u][m]);
      StoreSums<Ops, H>(acc[0][m], init, sums + m * args.sums_stride * 4);
    }
  }
}

template <class Ops, int H, int M>
FewRowsFunction PickFewRows(int rows) {
  if constexpr (M == 0) {
    return nullptr;
  } else {
    return rows == M ? FewRows<Ops, H, M> : PickFewRows<Ops, H, M - 1>(rows);
  }
}

template <class Ops>
FewRowsFunction PickFewRows(int height, int rows) {
  switch (height) {
    case 8:
      return PickFewRows<Ops, 8, kMaxFewRows>(rows);
    case 4:
      return PickFewRows<Ops, 4, kMaxFewRows>(rows);
    case 2:
      return PickFewRows<Ops, 2, kMaxFewRows>(rows);
    case 1:
      return PickFewRows<Ops, 1, kMaxFewRows>(rows);
  }
  return nullptr;
}

}  // namespace
}  // namespace tfsparse

#endif  // TFSPARSE_CUSTOM_OPS_KERNELS_FEW_ROWS_AVX512_H_
