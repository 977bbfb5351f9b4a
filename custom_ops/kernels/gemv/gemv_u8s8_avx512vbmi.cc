// int8 blocks that are not a multiple of four wide, by few rows of uint8.
//
// The inputs that a panel stores are strewn over the row of x, and VPDPBUSD wants them side
// by side. VPERMI2B picks 64 bytes out of 128, which makes the packed form
// (WeightPacking::kPermuteWindows):
//
//   window   up to C inputs of the panel among 128 consecutive ones, C = 16 for NR >= 4
//   columns  the first of the 128, then C bytes: the inputs' places from there on
//   values   [NR][C]
//
// The C bytes are broadcast to the quarters of a register, so that one VPERMI2B makes the
// x of four outputs: lane 4 h + c / 4 holds output h and inputs 4 (c / 4) ... + 3. Every
// further four outputs cost only their VPDPBUSD. With NR = 2 a window has 32 inputs and each
// half of a register an output, with NR = 1 it has 64.
//
// Cost: for each window and row two loads of x, one VPERMI2B (two cycles on Intel's
// processors, one on AMD's) and NR / 4 VPDPBUSD; for each window its places and weights. At
// 90% sparsity 128 inputs have 13 left, so that a fifth of the lanes do nothing.
//
// x is read to 128 bytes from a window's first input on, hence kGemvPadding.

#include <immintrin.h>

#include "custom_ops/kernels/isa/avx512vbmi.h"

namespace tfsparse {
namespace {

template <int NR>
struct Window {
  static constexpr int kInputs = 64 / (NR < kWindowOutputs ? NR : kWindowOutputs);
  static constexpr int kRegisters = NR >= 4 ? NR / 4 : 1;
  static constexpr int kColumns = 1 + kInputs / 4;

  static inline __attribute__((always_inline)) __m512i LoadPlaces(const int32_t* column) {
    if constexpr (NR >= 4) {
      return _mm512_broadcast_i32x4(_mm_loadu_si128(reinterpret_cast<const __m128i*>(column)));
    } else if constexpr (NR == 2) {
      return _mm512_broadcast_i64x4(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(column)));
    } else {
      return _mm512_loadu_si512(column);
    }
  }

  // Adds up the lanes of each output in a register, adds what the sums begin with, and stores.
  static inline __attribute__((always_inline)) void Store(__m512i acc, const int32_t* acc_init,
                                                          int32_t* to) {
    acc = _mm512_add_epi32(acc, _mm512_shuffle_epi32(acc, _MM_PERM_BADC));
    acc = _mm512_add_epi32(acc, _mm512_shuffle_epi32(acc, _MM_PERM_CDAB));
    if constexpr (NR <= 2) acc = _mm512_add_epi32(acc, _mm512_shuffle_i64x2(acc, acc, 0xb1));
    if constexpr (NR == 1) acc = _mm512_add_epi32(acc, _mm512_shuffle_i64x2(acc, acc, 0x4e));
    constexpr int kApart = NR >= 4 ? 4 : 16 / NR;
    const __m512i first = _mm512_setr_epi32(0, kApart % 16, 2 * kApart % 16, 3 * kApart % 16, 0, 0,
                                            0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
    constexpr int kOutputs = NR >= 4 ? 4 : NR;
    const __m128i mine = _mm512_castsi512_si128(_mm512_permutexvar_epi32(first, acc));
    constexpr __mmask8 kMask = (1u << kOutputs) - 1;
    _mm_mask_storeu_epi32(to, kMask, _mm_add_epi32(mine, _mm_maskz_loadu_epi32(kMask, acc_init)));
  }
};

template <int NR, int M>
void GemvRows(const GemvArgs& args) {
  using W = Window<NR>;
  constexpr int kUnroll = M * W::kRegisters >= 4 ? 1 : M * W::kRegisters >= 2 ? 2 : 4;
  const uint8_t* x = static_cast<const uint8_t*>(args.x);
  for (int64_t s = 0; s < args.num_panels; ++s) {
    const Panel& panel = args.panels[s];
    const int32_t* column = args.columns + panel.column;
    const int8_t* w = static_cast<const int8_t*>(args.values) + panel.value;
    __m512i acc[kUnroll][M][W::kRegisters];
    for (int u = 0; u < kUnroll; ++u) {
      for (int m = 0; m < M; ++m) {
        for (int r = 0; r < W::kRegisters; ++r) acc[u][m][r] = _mm512_setzero_si512();
      }
    }
    const auto add = [&](int u) __attribute__((always_inline)) {
      const __m512i places = W::LoadPlaces(column + 1);
      __m512i weights[W::kRegisters];
      for (int r = 0; r < W::kRegisters; ++r) weights[r] = _mm512_load_si512(w + 64 * r);
      for (int m = 0; m < M; ++m) {
        const uint8_t* inputs = x + m * args.stride + column[0];
        const __m512i picked = _mm512_permutex2var_epi8(_mm512_loadu_si512(inputs), places,
                                                        _mm512_loadu_si512(inputs + 64));
        for (int r = 0; r < W::kRegisters; ++r) {
          acc[u][m][r] = _mm512_dpbusd_epi32(acc[u][m][r], picked, weights[r]);
        }
      }
      column += W::kColumns;
      w += 64 * W::kRegisters;
    };
    int64_t left = panel.groups;
    for (; left >= kUnroll; left -= kUnroll) {
      for (int u = 0; u < kUnroll; ++u) add(u);
    }
    for (; left > 0; --left) add(0);
    const int32_t* acc_init =
        static_cast<const int32_t*>(args.acc_init) + (panel.out - args.first_out);
    int32_t* to = static_cast<int32_t*>(args.acc) + (panel.out - args.first_out);
    for (int m = 0; m < M; ++m) {
      for (int r = 0; r < W::kRegisters; ++r) {
        for (int u = 1; u < kUnroll; ++u) {
          acc[0][m][r] = _mm512_add_epi32(acc[0][m][r], acc[u][m][r]);
        }
        W::Store(acc[0][m][r], acc_init + 4 * r, to + m * args.acc_stride + 4 * r);
      }
    }
  }
}

template <int NR, int M>
GemvFunction Pick(int rows) {
  if constexpr (M == 0) {
    return nullptr;
  } else {
    return rows == M ? GemvRows<NR, M> : Pick<NR, M - 1>(rows);
  }
}

}  // namespace

GemvFunction GemvU8S8Avx512Vbmi(int nr, int rows) {
  switch (nr) {
    case 16:
      return Pick<16, kMaxGemvRows / 2>(rows);
    case 8:
      return Pick<8, kMaxGemvRows>(rows);
    case 4:
      return Pick<4, kMaxGemvRows>(rows);
    case 2:
      return Pick<2, kMaxGemvRows>(rows);
    case 1:
      return Pick<1, kMaxGemvRows>(rows);
  }
  return nullptr;
}

}  // namespace tfsparse
