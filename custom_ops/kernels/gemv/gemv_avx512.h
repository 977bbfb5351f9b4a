#ifndef TFSPARSE_CUSTOM_OPS_KERNELS_GEMV_GEMV_AVX512_H_
#define TFSPARSE_CUSTOM_OPS_KERNELS_GEMV_GEMV_AVX512_H_

// Few rows of x (small M), so few that lanes full of rows would be empty: the lanes hold what a
// panel stores instead, the NR outputs of 16 / NR groups, and an element of x is broadcast
// to the lanes of its group.
//
//   lane     j * NR + h: group j, output h, as PackedWeights has them one after the other
//   x        a broadcast from memory for one group; 16 / NR of them under masks otherwise
//   sums     a register for each row; at the end of a panel its 16 / NR parts are added
//
// A register of weights is read once for all rows, and nothing of x is packed before.
//
// Cost: 1 + M * 16 / NR loads and M multiply-adds for every 16 lanes of weights. Two loads
// a cycle are the limit: with NR = 8 that is 1.5 cycles for one row and 2.5 for two. From
// some number of rows on, which is a column of gemv.inc, rows in the lanes are faster.
//
// U sets of sums are there to hide the latency of a multiply-add: M * U >= 4.
//
// Included by files for one instruction set only, and by nothing else.

#include <immintrin.h>

#include "custom_ops/kernels/kernel_args.h"

namespace tfsparse {
namespace {

// The 16 / NR elements of a row that `count` groups need, each in the NR lanes of its group: every
// kApart-th of the columns.
//
// In assembly, because clang makes the blends that are free beside a load into shuffles,
// for which there is but one port: twice as slow.
template <int NR, int kApart = 1>
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
    const __mmask16 lanes = static_cast<__mmask16>(((1u << NR) - 1) << (j * NR));
    __asm__("vpbroadcastd %1, %0%{%2%}" : "+v"(x) : "m"(*element(j)), "Yk"(lanes));
  }
  return x;
}

// Ops whose groups are an element of x each.
struct OneColumn {
  static constexpr int kColumns = 1;

  template <int NR>
  static inline __attribute__((always_inline)) __m512i Pick(const char* row, const int32_t* column,
                                                            int count) {
    return PickGroups<NR>(row, column, count);
  }
};

// Adds the parts of a panel's sums to what they begin with; the first NR lanes are stored.
template <class Ops, int NR>
inline __attribute__((always_inline)) void StoreAccumulators(__m512i acc, const void* acc_init,
                                                             void* to) {
  constexpr __mmask16 kOutputs = static_cast<__mmask16>((1u << NR) - 1);
  __m512i all = Ops::Add(acc, _mm512_shuffle_i64x2(acc, acc, 0x4e));
  if constexpr (NR <= 4) all = Ops::Add(all, _mm512_shuffle_i64x2(all, all, 0xb1));
  if constexpr (NR <= 2) all = Ops::Add(all, _mm512_shuffle_epi32(all, _MM_PERM_BADC));
  if constexpr (NR == 1) all = Ops::Add(all, _mm512_shuffle_epi32(all, _MM_PERM_CDAB));
  all = Ops::Add(all, _mm512_maskz_loadu_epi32(kOutputs, acc_init));
  _mm512_mask_storeu_epi32(to, kOutputs, all);
}

// Ops: the size of a value, the columns of a group, Pick<NR>(row, column, count) for its lanes
// of x, and Add(a, b) and MultiplyAdd(acc, x, w) of 32-bit lanes.
template <class Ops, int NR, int M>
void GemvRows(const GemvArgs& args) {
  constexpr int kGroups = kLanes / NR;
  constexpr int kUnroll = M >= 4 ? 1 : M >= 2 ? 2 : 4;
  constexpr int kStep = kGroups * kUnroll, kColumns = Ops::kColumns;
  const char* x = static_cast<const char*>(args.x);
  for (int64_t s = 0; s < args.num_panels; ++s) {
    const Panel& panel = args.panels[s];
    const int32_t* column = args.columns + panel.column;
    const char* w = static_cast<const char*>(args.values) + panel.value * Ops::kValueBytes;
    __m512i acc[kUnroll][M];
    for (int u = 0; u < kUnroll; ++u) {
      for (int m = 0; m < M; ++m) acc[u][m] = _mm512_setzero_si512();
    }
    int64_t left = panel.groups;
    for (; left >= kStep; left -= kStep, column += kStep * kColumns, w += kUnroll * 64) {
      for (int u = 0; u < kUnroll; ++u) {
        const __m512i weights = _mm512_loadu_si512(w + 64 * u);
        for (int m = 0; m < M; ++m) {
          const __m512i picked =
              Ops::template Pick<NR>(x + m * args.stride, column + u * kGroups * kColumns, kGroups);
          acc[u][m] = Ops::MultiplyAdd(acc[u][m], picked, weights);
        }
      }
    }
    for (; left > 0; left -= kGroups, column += kGroups * kColumns, w += 64) {
      const int count = static_cast<int>(left < kGroups ? left : kGroups);
      const __mmask16 lanes = static_cast<__mmask16>((1u << (count * NR)) - 1);
      const __m512i weights = _mm512_maskz_loadu_epi32(lanes, w);
      for (int m = 0; m < M; ++m) {
        const __m512i picked = Ops::template Pick<NR>(x + m * args.stride, column, count);
        // Masked as well, since infinity times a zero that is not there is NaN.
        acc[0][m] = Ops::MultiplyAdd(acc[0][m], _mm512_maskz_mov_epi32(lanes, picked), weights);
      }
    }
    const int64_t first = (panel.out - args.first_out) * 4;
    const char* acc_init = static_cast<const char*>(args.acc_init) + first;
    char* to = static_cast<char*>(args.acc) + first;
    for (int m = 0; m < M; ++m) {
      for (int u = 1; u < kUnroll; ++u) acc[0][m] = Ops::Add(acc[0][m], acc[u][m]);
      StoreAccumulators<Ops, NR>(acc[0][m], acc_init, to + m * args.acc_stride * 4);
    }
  }
}

template <class Ops, int NR, int M>
GemvFunction PickGemv(int rows) {
  if constexpr (M == 0) {
    return nullptr;
  } else {
    return rows == M ? GemvRows<Ops, NR, M> : PickGemv<Ops, NR, M - 1>(rows);
  }
}

template <class Ops>
GemvFunction PickGemv(int nr, int rows) {
  switch (nr) {
    case 8:
      return PickGemv<Ops, 8, kMaxGemvRows>(rows);
    case 4:
      return PickGemv<Ops, 4, kMaxGemvRows>(rows);
    case 2:
      return PickGemv<Ops, 2, kMaxGemvRows>(rows);
    case 1:
      return PickGemv<Ops, 1, kMaxGemvRows>(rows);
  }
  return nullptr;
}

}  // namespace
}  // namespace tfsparse

#endif  // TFSPARSE_CUSTOM_OPS_KERNELS_GEMV_GEMV_AVX512_H_
