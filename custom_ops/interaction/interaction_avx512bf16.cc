#include "custom_ops/interaction/interaction_avx512bf16.h"

#include <immintrin.h>

#include "custom_ops/interaction/interaction_group.h"
#include "custom_ops/interaction/interaction_operands.h"
#include "custom_ops/interaction/interaction_vector_avx2.h"
#include "custom_ops/interaction/interaction_vector_avx512.h"

namespace tfsparse {
namespace {

// Pairs of bfloat16 over 256 bits, for tiles of dots alone.
struct HalfBf16 {
  using Vec = InteractAvx2;
  using Sum = Vec::F32;
  static constexpr bool kIsInt = false;
  static constexpr int kInLane = 2;

  static inline __attribute__((always_inline)) Sum Zero() { return Vec::Broadcast(0.0f); }
  static inline __attribute__((always_inline)) Sum MultiplyAdd(Sum sum, Vec::I32 a, Vec::I32 b) {
    return _mm256_dpbf16_ps(sum, (__m256bh)a, (__m256bh)b);
  }
};

// Pairs of bfloat16.
struct OperandsBf16 {
  static constexpr bool kHasHalf = true;
  using Half = HalfBf16;
  using Vec = InteractAvx512;
  using Sum = Vec::F32;
  static constexpr bool kIsInt = false, kIsRaw = true, kHasShifts = false;
  static constexpr int kInLane = 2;
  static constexpr int32_t kFlip = 0;

#define TFSPARSE_INLINE static inline __attribute__((always_inline))
  TFSPARSE_INLINE Vec::F32 LoadValues(const TableRow& row, int64_t d, int64_t count) {
    return Vec::LoadBf16(static_cast<const char*>(row.data) + 2 * d, count);
  }
  TFSPARSE_INLINE void CopyRow(const TableRow& row, int64_t depth, unsigned char* to) {
    const auto* from = static_cast<const uint8_t*>(row.data);
    for (int64_t i = 0; i < 2 * depth; i += 64) {
      Vec::StoreInts(to + i, Vec::LoadSome(from + i, 2 * depth - i));
    }
  }
  TFSPARSE_INLINE void StoreFloats(unsigned char* to, int64_t d, Vec::F32 v) {
    const __m256i halves = (__m256i)_mm512_cvtneps_pbh(v);
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(to + 2 * d), halves);
  }
  TFSPARSE_INLINE Sum Zero() { return Vec::Broadcast(0.0f); }
  TFSPARSE_INLINE Sum MultiplyAdd(Sum sum, Vec::I32 a, Vec::I32 b) {
    return _mm512_dpbf16_ps(sum, (__m512bh)a, (__m512bh)b);
  }
#undef TFSPARSE_INLINE
};

}  // namespace

const InteractionKernel kInteractBf16Avx512Bf16 = KernelOf<OperandsBf16>();

}  // namespace tfsparse
