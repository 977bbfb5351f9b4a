#ifndef TFSPARSE_CUSTOM_OPS_KERNELS_VECTOR_AVX512_H_
#define TFSPARSE_CUSTOM_OPS_KERNELS_VECTOR_AVX512_H_

#include <immintrin.h>

#include <cstdint>

#include "custom_ops/kernels/activation_table.h"

namespace tfsparse {
namespace {

#define TFSPARSE_INLINE static inline __attribute__((always_inline))

// The 512-bit registers, as the kernel templates see them: multiply_panels.h and its
// policies, and pack_tiles.h. vector_avx2.h has the same members.
struct Avx512 {
  static constexpr int kLanes = 16;  // of 32 bits
  using F32 = __m512;
  using I32 = __m512i;  // and anything else of integers

  TFSPARSE_INLINE F32 Load(const float* p) { return _mm512_load_ps(p); }
  TFSPARSE_INLINE I32 LoadInts(const void* p) { return _mm512_load_si512(p); }
  TFSPARSE_INLINE void Store(float* p, F32 v) { _mm512_store_ps(p, v); }
  TFSPARSE_INLINE void StoreInts(void* p, I32 v) { _mm512_store_si512(p, v); }
  TFSPARSE_INLINE void Store(int32_t* p, I32 v) { StoreInts(p, v); }
  TFSPARSE_INLINE F32 Broadcast(float value) { return _mm512_set1_ps(value); }
  TFSPARSE_INLINE I32 Broadcast(int32_t value) { return _mm512_set1_epi32(value); }
  TFSPARSE_INLINE I32 Zero() { return _mm512_setzero_si512(); }

  // The first `count` elements, as many as there are; zeros behind them.
  TFSPARSE_INLINE F32 LoadSome(const float* p, int64_t count) {
    return _mm512_maskz_loadu_ps(Mask16(count), p);
  }
  TFSPARSE_INLINE I32 LoadSome(const uint8_t* p, int64_t count) {
    return _mm512_maskz_loadu_epi8(count >= 64 ? ~0ull : (1ull << count) - 1, p);
  }

  // Bytes as lanes, `count` of them at the most; zeros behind them.
  TFSPARSE_INLINE I32 LoadBytes(const uint8_t* p, int64_t count) {
    return _mm512_cvtepu8_epi32(_mm_maskz_loadu_epi8(Mask16(count), p));
  }

  TFSPARSE_INLINE void StoreSome(float* p, F32 v, int64_t count) {
    count >= 16 ? _mm512_storeu_ps(p, v) : _mm512_mask_storeu_ps(p, Mask16(count), v);
  }
  TFSPARSE_INLINE void StoreSome(uint8_t* p, I32 v, int64_t count) {
    count >= 64 ? _mm512_storeu_si512(p, v) : _mm512_mask_storeu_epi8(p, (1ull << count) - 1, v);
  }

  TFSPARSE_INLINE void StoreBytes(uint8_t* p, I32 v, int64_t count) {
    _mm512_mask_cvtepi32_storeu_epi8(p, Mask16(count), v);
  }

  TFSPARSE_INLINE F32 MultiplyAdd(F32 a, F32 b, F32 sum) { return _mm512_fmadd_ps(a, b, sum); }
  TFSPARSE_INLINE F32 Add(F32 a, F32 b) { return _mm512_add_ps(a, b); }
  TFSPARSE_INLINE F32 Multiply(F32 a, F32 b) { return _mm512_mul_ps(a, b); }
  // Max and Min give their second operand where one is NaN.
  TFSPARSE_INLINE F32 Max(F32 a, F32 b) { return _mm512_max_ps(a, b); }
  TFSPARSE_INLINE F32 Min(F32 a, F32 b) { return _mm512_min_ps(a, b); }
  TFSPARSE_INLINE bool AnyNan(F32 v) { return _mm512_cmp_ps_mask(v, v, _CMP_UNORD_Q) != 0; }
  TFSPARSE_INLINE I32 Round(F32 v) { return _mm512_cvtps_epi32(v); }
  TFSPARSE_INLINE F32 ToFloats(I32 v) { return _mm512_cvtepi32_ps(v); }
  TFSPARSE_INLINE F32 AsFloats(I32 v) { return _mm512_castsi512_ps(v); }
  TFSPARSE_INLINE I32 AsInts(F32 v) { return _mm512_castps_si512(v); }

  // To bfloat16, as float: the nearest one, the even one of two. NaN stays NaN.
  TFSPARSE_INLINE F32 RoundToBf16(F32 v) {
    const I32 bits = AsInts(v);
    const I32 odd = _mm512_and_si512(_mm512_srli_epi32(bits, 16), Broadcast(int32_t{1}));
    const I32 near = _mm512_add_epi32(_mm512_add_epi32(bits, Broadcast(int32_t{0x7fff})), odd);
    const I32 upper = Broadcast(int32_t{-0x10000});
    const __mmask16 nan = _mm512_cmp_ps_mask(v, v, _CMP_UNORD_Q);
    const I32 quiet = _mm512_or_si512(bits, Broadcast(int32_t{0x400000}));
    return AsFloats(_mm512_and_si512(_mm512_mask_mov_epi32(near, nan, quiet), upper));
  }

  TFSPARSE_INLINE I32 Add(I32 a, I32 b) { return _mm512_add_epi32(a, b); }
  // a[2i] * b[2i] + a[2i + 1] * b[2i + 1], of 16 bits each.
  TFSPARSE_INLINE I32 DotPairs(I32 a, I32 b) { return _mm512_madd_epi16(a, b); }

  // These work inside each 128-bit part of a register.
  TFSPARSE_INLINE I32 InterleaveLow8(I32 a, I32 b) { return _mm512_unpacklo_epi8(a, b); }
  TFSPARSE_INLINE I32 InterleaveHigh8(I32 a, I32 b) { return _mm512_unpackhi_epi8(a, b); }
  TFSPARSE_INLINE I32 InterleaveLow16(I32 a, I32 b) { return _mm512_unpacklo_epi16(a, b); }
  TFSPARSE_INLINE I32 InterleaveHigh16(I32 a, I32 b) { return _mm512_unpackhi_epi16(a, b); }
  TFSPARSE_INLINE I32 InterleaveLow32(I32 a, I32 b) { return _mm512_unpacklo_epi32(a, b); }
  TFSPARSE_INLINE I32 InterleaveHigh32(I32 a, I32 b) { return _mm512_unpackhi_epi32(a, b); }
  TFSPARSE_INLINE I32 InterleaveLow64(I32 a, I32 b) { return _mm512_unpacklo_epi64(a, b); }
  TFSPARSE_INLINE I32 InterleaveHigh64(I32 a, I32 b) { return _mm512_unpackhi_epi64(a, b); }
  TFSPARSE_INLINE I32 Narrow32To16(I32 a, I32 b) { return _mm512_packus_epi32(a, b); }
  TFSPARSE_INLINE I32 Saturate32To16(I32 a, I32 b) { return _mm512_packs_epi32(a, b); }
  TFSPARSE_INLINE I32 Saturate16ToU8(I32 a, I32 b) { return _mm512_packus_epi16(a, b); }
  TFSPARSE_INLINE I32 AddSaturated16(I32 a, I32 b) { return _mm512_adds_epi16(a, b); }
  TFSPARSE_INLINE I32 Xor(I32 a, I32 b) { return _mm512_xor_si512(a, b); }
  template <int kBits>
  TFSPARSE_INLINE I32 ShiftLeft16(I32 v) {
    return _mm512_slli_epi16(v, kBits);
  }
  template <int kBits>
  TFSPARSE_INLINE I32 ShiftRight16(I32 v) {  // of signed words
    return _mm512_srai_epi16(v, kBits);
  }
  // a * b / 2^15, rounded half up.
  TFSPARSE_INLINE I32 MultiplyRound16(I32 a, I32 b) { return _mm512_mulhrs_epi16(a, b); }
  // Of words: which piece of a table they are in, and coefficient n of it.
  TFSPARSE_INLINE I32 IndexOfPiece(I32 w) { return _mm512_srli_epi16(w, 11); }
  TFSPARSE_INLINE I32 LookUp(const ActivationTable& table, int n, I32 piece) {
    return _mm512_permutexvar_epi16(piece, LoadInts(table.c[n]));
  }
  TFSPARSE_INLINE I32 ByteOfLane(I32 v, int byte) {
    const I32 shifted = byte == 0 ? v : _mm512_srli_epi32(v, 8 * byte);
    return byte == 3 ? shifted : _mm512_and_si512(shifted, Broadcast(int32_t{255}));
  }
  TFSPARSE_INLINE I32 Shuffle8(I32 v, __m128i order) {
    return _mm512_shuffle_epi8(v, _mm512_broadcast_i32x4(order));
  }
  // Byte j of lane i of a 128-bit part becomes byte i of lane j.
  TFSPARSE_INLINE I32 TransposeBytes(I32 v) {
    return Shuffle8(v, _mm_setr_epi8(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15));
  }

  // Element j of 128-bit part i becomes element i of part j.
  TFSPARSE_INLINE I32 TransposeParts(I32 v) {
    const I32 order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
    return _mm512_permutexvar_epi32(order, v);
  }
  // Four registers of lanes, saturated to bytes, lie in groups of four bytes, a 128-bit part
  // after the other; here the registers come one after the other.
  TFSPARSE_INLINE I32 SortSaturated(I32 v) { return TransposeParts(v); }

  TFSPARSE_INLINE __mmask16 Mask16(int64_t count) {
    return static_cast<__mmask16>(count <= 0 ? 0 : count >= 16 ? 0xffff : (1u << count) - 1);
  }

  // Transposes kLanes x kLanes elements of 32 bits, one row per register, in 64
  // shuffles: pairs of rows inside 128-bit quarters first, then the quarters.
  TFSPARSE_INLINE void Transpose(I32 (&r)[kLanes]) {
    I32 t[16];
    for (int i = 0; i < 16; i += 2) {
      t[i] = _mm512_unpacklo_epi32(r[i], r[i + 1]);
      t[i + 1] = _mm512_unpackhi_epi32(r[i], r[i + 1]);
    }
    for (int i = 0; i < 16; i += 4) {
      r[i] = _mm512_unpacklo_epi64(t[i], t[i + 2]);
      r[i + 1] = _mm512_unpackhi_epi64(t[i], t[i + 2]);
      r[i + 2] = _mm512_unpacklo_epi64(t[i + 1], t[i + 3]);
      r[i + 3] = _mm512_unpackhi_epi64(t[i + 1], t[i + 3]);
    }
    // r[4i + j] now holds column 4q + j of rows 4i .. 4i + 3 in quarter q.
    for (int j = 0; j < 4; ++j) {
      t[j] = _mm512_shuffle_i32x4(r[j], r[4 + j], 0x88);
      t[4 + j] = _mm512_shuffle_i32x4(r[j], r[4 + j], 0xdd);
      t[8 + j] = _mm512_shuffle_i32x4(r[8 + j], r[12 + j], 0x88);
      t[12 + j] = _mm512_shuffle_i32x4(r[8 + j], r[12 + j], 0xdd);
    }
    for (int j = 0; j < 4; ++j) {
      r[j] = _mm512_shuffle_i32x4(t[j], t[8 + j], 0x88);
      r[8 + j] = _mm512_shuffle_i32x4(t[j], t[8 + j], 0xdd);
      r[4 + j] = _mm512_shuffle_i32x4(t[4 + j], t[12 + j], 0x88);
      r[12 + j] = _mm512_shuffle_i32x4(t[4 + j], t[12 + j], 0xdd);
    }
  }
};

#undef TFSPARSE_INLINE

}  // namespace
}  // namespace tfsparse

#endif  // TFSPARSE_CUSTOM_OPS_KERNELS_VECTOR_AVX512_H_
