#ifndef TFSPARSE_CUSTOM_OPS_KERNELS_VECTOR_AVX2_H_
#define TFSPARSE_CUSTOM_OPS_KERNELS_VECTOR_AVX2_H_

#include <immintrin.h>

#include <cstdint>
#include <cstring>

#include "custom_ops/kernels/activation_table.h"

namespace tfsparse {
namespace {

#define TFSPARSE_INLINE static inline __attribute__((always_inline))

// The 256-bit registers, as the kernel templates see them; the members are those of
// vector_avx512.h. There are no masks for bytes: a partial row goes through memory.
struct Avx2 {
  static constexpr int kLanes = 8;  // of 32 bits
  using F32 = __m256;
  using I32 = __m256i;  // and anything else of integers

  TFSPARSE_INLINE F32 Load(const float* p) { return _mm256_load_ps(p); }
  TFSPARSE_INLINE I32 LoadInts(const void* p) {
    return _mm256_load_si256(static_cast<const __m256i*>(p));
  }
  TFSPARSE_INLINE void Store(float* p, F32 v) { _mm256_store_ps(p, v); }
  TFSPARSE_INLINE void StoreInts(void* p, I32 v) {
    _mm256_store_si256(static_cast<__m256i*>(p), v);
  }
  TFSPARSE_INLINE void Store(int32_t* p, I32 v) { StoreInts(p, v); }
  TFSPARSE_INLINE F32 Broadcast(float value) { return _mm256_set1_ps(value); }
  TFSPARSE_INLINE I32 Broadcast(int32_t value) { return _mm256_set1_epi32(value); }
  TFSPARSE_INLINE I32 Zero() { return _mm256_setzero_si256(); }

  TFSPARSE_INLINE F32 LoadSome(const float* p, int64_t count) {
    return count >= kLanes ? _mm256_loadu_ps(p) : _mm256_maskload_ps(p, Mask(count));
  }
  TFSPARSE_INLINE I32 LoadSome(const uint8_t* p, int64_t count) {
    if (count >= 32) return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
    alignas(32) uint8_t bytes[32] = {};
    if (count > 0) std::memcpy(bytes, p, static_cast<size_t>(count));
    return LoadInts(bytes);
  }
  // Bytes as lanes, `count` of them at the most; zeros behind them.
  TFSPARSE_INLINE I32 LoadBytes(const uint8_t* p, int64_t count) {
    int64_t bytes = 0;
    if (count > 0) std::memcpy(&bytes, p, static_cast<size_t>(count < kLanes ? count : kLanes));
    return _mm256_cvtepu8_epi32(_mm_cvtsi64_si128(bytes));
  }

  TFSPARSE_INLINE void StoreSome(float* p, F32 v, int64_t count) {
    count >= kLanes ? _mm256_storeu_ps(p, v) : _mm256_maskstore_ps(p, Mask(count), v);
  }
  TFSPARSE_INLINE void StoreSome(uint8_t* p, I32 v, int64_t count) {
    if (count >= 32) return _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), v);
    alignas(32) uint8_t bytes[32];
    StoreInts(bytes, v);
    if (count > 0) std::memcpy(p, bytes, static_cast<size_t>(count));
  }
  // Lanes in [0, 255] as bytes, `count` of them at the most.
  TFSPARSE_INLINE void StoreBytes(uint8_t* p, I32 v, int64_t count) {
    const __m128i bytes = _mm256_castsi256_si128(
        SortSaturated(Saturate16ToU8(Narrow32To16(v, v), Narrow32To16(v, v))));
    if (count >= kLanes) return _mm_storel_epi64(reinterpret_cast<__m128i*>(p), bytes);
    const int64_t some = _mm_cvtsi128_si64(bytes);
    if (count > 0) std::memcpy(p, &some, static_cast<size_t>(count));
  }

  TFSPARSE_INLINE F32 MultiplyAdd(F32 a, F32 b, F32 sum) { return _mm256_fmadd_ps(a, b, sum); }
  TFSPARSE_INLINE F32 Add(F32 a, F32 b) { return _mm256_add_ps(a, b); }
  TFSPARSE_INLINE F32 Multiply(F32 a, F32 b) { return _mm256_mul_ps(a, b); }
  TFSPARSE_INLINE F32 Max(F32 a, F32 b) { return _mm256_max_ps(a, b); }
  TFSPARSE_INLINE F32 Min(F32 a, F32 b) { return _mm256_min_ps(a, b); }
  TFSPARSE_INLINE bool AnyNan(F32 v) {
    return _mm256_movemask_ps(_mm256_cmp_ps(v, v, _CMP_UNORD_Q)) != 0;
  }
  TFSPARSE_INLINE I32 Round(F32 v) { return _mm256_cvtps_epi32(v); }
  TFSPARSE_INLINE F32 ToFloats(I32 v) { return _mm256_cvtepi32_ps(v); }
  TFSPARSE_INLINE F32 AsFloats(I32 v) { return _mm256_castsi256_ps(v); }
  TFSPARSE_INLINE I32 AsInts(F32 v) { return _mm256_castps_si256(v); }

  TFSPARSE_INLINE F32 RoundToBf16(F32 v) {
    const I32 bits = AsInts(v);
    const I32 odd = _mm256_and_si256(_mm256_srli_epi32(bits, 16), Broadcast(int32_t{1}));
    const I32 near = _mm256_add_epi32(_mm256_add_epi32(bits, Broadcast(int32_t{0x7fff})), odd);
    const F32 upper = AsFloats(Broadcast(int32_t{-0x10000}));
    const F32 nan = _mm256_cmp_ps(v, v, _CMP_UNORD_Q);
    const I32 quiet = _mm256_or_si256(bits, Broadcast(int32_t{0x400000}));
    return _mm256_and_ps(_mm256_blendv_ps(AsFloats(near), AsFloats(quiet), nan), upper);
  }

  TFSPARSE_INLINE I32 Add(I32 a, I32 b) { return _mm256_add_epi32(a, b); }
  TFSPARSE_INLINE I32 DotPairs(I32 a, I32 b) { return _mm256_madd_epi16(a, b); }

  TFSPARSE_INLINE I32 InterleaveLow8(I32 a, I32 b) { return _mm256_unpacklo_epi8(a, b); }
  TFSPARSE_INLINE I32 InterleaveHigh8(I32 a, I32 b) { return _mm256_unpackhi_epi8(a, b); }
  TFSPARSE_INLINE I32 InterleaveLow16(I32 a, I32 b) { return _mm256_unpacklo_epi16(a, b); }
  TFSPARSE_INLINE I32 InterleaveHigh16(I32 a, I32 b) { return _mm256_unpackhi_epi16(a, b); }
  TFSPARSE_INLINE I32 InterleaveLow32(I32 a, I32 b) { return _mm256_unpacklo_epi32(a, b); }
  TFSPARSE_INLINE I32 InterleaveHigh32(I32 a, I32 b) { return _mm256_unpackhi_epi32(a, b); }
  TFSPARSE_INLINE I32 InterleaveLow64(I32 a, I32 b) { return _mm256_unpacklo_epi64(a, b); }
  TFSPARSE_INLINE I32 InterleaveHigh64(I32 a, I32 b) { return _mm256_unpackhi_epi64(a, b); }
  TFSPARSE_INLINE I32 Narrow32To16(I32 a, I32 b) { return _mm256_packus_epi32(a, b); }
  TFSPARSE_INLINE I32 Saturate32To16(I32 a, I32 b) { return _mm256_packs_epi32(a, b); }
  TFSPARSE_INLINE I32 Saturate16ToU8(I32 a, I32 b) { return _mm256_packus_epi16(a, b); }
  TFSPARSE_INLINE I32 AddSaturated16(I32 a, I32 b) { return _mm256_adds_epi16(a, b); }
  TFSPARSE_INLINE I32 Xor(I32 a, I32 b) { return _mm256_xor_si256(a, b); }
  template <int kBits>
  TFSPARSE_INLINE I32 ShiftLeft16(I32 v) {
    return _mm256_slli_epi16(v, kBits);
  }
  template <int kBits>
  TFSPARSE_INLINE I32 ShiftRight16(I32 v) {  // of signed words
    return _mm256_srai_epi16(v, kBits);
  }
  // a * b / 2^15, rounded half up.
  TFSPARSE_INLINE I32 MultiplyRound16(I32 a, I32 b) { return _mm256_mulhrs_epi16(a, b); }

  // Of words: which piece of a table they are in, and coefficient n of it. A shuffle looks up bytes
  // among 16, and gives 0 where the upper bit of an index is set: so it is set in the byte that is
  // not looked up, and in the half of the pieces that is not.
  struct Piece {
    I32 low[2], high[2];  // for the low and the high byte of a word, by halves of the pieces
  };
  TFSPARSE_INLINE Piece IndexOfPiece(I32 w) {
    const I32 low = _mm256_srli_epi16(w, 11), high = _mm256_slli_epi16(low, 8);
    const auto add = [](I32 index, int offsets) __attribute__((always_inline)) {
      return _mm256_add_epi8(index, _mm256_set1_epi16(static_cast<int16_t>(offsets)));
    };
    return {{add(low, 0x8070), add(low, 0x80f0)}, {add(high, 0x7080), add(high, 0xf080)}};
  }
  TFSPARSE_INLINE I32 LookUp(const ActivationTable& table, int n, const Piece& piece) {
    const auto half = [&](int byte, int i) __attribute__((always_inline)) {
      return _mm256_broadcastsi128_si256(
          _mm_load_si128(reinterpret_cast<const __m128i*>(table.bytes[n][byte]) + i));
    };
    const I32 low = _mm256_or_si256(_mm256_shuffle_epi8(half(0, 0), piece.low[0]),
                                    _mm256_shuffle_epi8(half(0, 1), piece.low[1]));
    const I32 high = _mm256_or_si256(_mm256_shuffle_epi8(half(1, 0), piece.high[0]),
                                     _mm256_shuffle_epi8(half(1, 1), piece.high[1]));
    return _mm256_or_si256(low, high);
  }
  TFSPARSE_INLINE I32 ByteOfLane(I32 v, int byte) {
    const I32 shifted = byte == 0 ? v : _mm256_srli_epi32(v, 8 * byte);
    return byte == 3 ? shifted : _mm256_and_si256(shifted, Broadcast(int32_t{255}));
  }
  TFSPARSE_INLINE I32 Shuffle8(I32 v, __m128i order) {
    return _mm256_shuffle_epi8(v, _mm256_broadcastsi128_si256(order));
  }
  // Byte j of lane i of a 128-bit part becomes byte i of lane j.
  TFSPARSE_INLINE I32 TransposeBytes(I32 v) {
    return Shuffle8(v, _mm_setr_epi8(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15));
  }

  // The packs leave [abcd][abcd] in groups of four bytes, one half after the other.
  TFSPARSE_INLINE I32 SortSaturated(I32 v) {
    return _mm256_permutevar8x32_epi32(v, _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7));
  }

  // All ones in the first `count` lanes.
  TFSPARSE_INLINE I32 Mask(int64_t count) {
    const int32_t left = static_cast<int32_t>(count < 0 ? 0 : count > kLanes ? kLanes : count);
    return _mm256_cmpgt_epi32(_mm256_set1_epi32(left), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
  }

  // As with 512 bits: inside the halves first, then the halves; 24 shuffles.
  TFSPARSE_INLINE void Transpose(I32 (&r)[kLanes]) {
    I32 t[8];
    for (int i = 0; i < 8; i += 2) {
      t[i] = _mm256_unpacklo_epi32(r[i], r[i + 1]);
      t[i + 1] = _mm256_unpackhi_epi32(r[i], r[i + 1]);
    }
    for (int i = 0; i < 8; i += 4) {
      r[i] = _mm256_unpacklo_epi64(t[i], t[i + 2]);
      r[i + 1] = _mm256_unpackhi_epi64(t[i], t[i + 2]);
      r[i + 2] = _mm256_unpacklo_epi64(t[i + 1], t[i + 3]);
      r[i + 3] = _mm256_unpackhi_epi64(t[i + 1], t[i + 3]);
    }
    for (int j = 0; j < 4; ++j) {
      t[j] = _mm256_permute2x128_si256(r[j], r[4 + j], 0x20);
      t[4 + j] = _mm256_permute2x128_si256(r[j], r[4 + j], 0x31);
    }
    for (int j = 0; j < 8; ++j) r[j] = t[j];
  }
};

#undef TFSPARSE_INLINE

}  // namespace
}  // namespace tfsparse

#endif  // TFSPARSE_CUSTOM_OPS_KERNELS_VECTOR_AVX2_H_
