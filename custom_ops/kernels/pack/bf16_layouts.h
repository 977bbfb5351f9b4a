#ifndef TFSPARSE_CUSTOM_OPS_KERNELS_PACK_BF16_LAYOUTS_H_
#define TFSPARSE_CUSTOM_OPS_KERNELS_PACK_BF16_LAYOUTS_H_

// Where two inputs of bfloat16 lie in a tile: byte_layouts.h for pairs. Pairs as they are go
// where quads go.
//
// This is text for files of AVX-512 BF16, not to be linked.

#include <immintrin.h>

#include <cstdint>

namespace tfsparse {
namespace {

// Planes of 16 bits from the pairs of two registers of rows, in the order of kernel_args.h.
template <class Vec>
struct IntoInterleave1OfPairs {
  using I32 = typename Vec::I32;
  static constexpr int kTogether = 2;

  static inline __attribute__((always_inline)) void Store(uint8_t* tile, int64_t registers,
                                                          int64_t pair, int64_t r,
                                                          const I32 (&p)[2]) {
    constexpr int kBytes = 4 * Vec::kLanes;
    const int64_t plane = registers / 2 * kBytes;
    const I32 lower = Vec::Broadcast(int32_t{0xffff});
    uint8_t* first = tile + 2 * pair * plane + r / 2 * kBytes;
    Vec::StoreInts(first,
                   Vec::Narrow32To16(_mm512_and_si512(p[0], lower), _mm512_and_si512(p[1], lower)));
    Vec::StoreInts(first + plane,
                   Vec::Narrow32To16(_mm512_srli_epi32(p[0], 16), _mm512_srli_epi32(p[1], 16)));
  }
};

// The largest magnitude of registers of bfloat16, to see whether all were finite.
template <class Vec>
struct LargestBf16 {
  using I32 = typename Vec::I32;

  // The sign shifted out: clang 19 makes of masking it a function on single elements.
  inline __attribute__((always_inline)) void Add(I32 pairs) {
    largest = _mm512_max_epu16(largest, _mm512_slli_epi16(pairs, 1));
  }
  // An exponent of all ones.
  bool non_finite() const {
    return _mm512_cmpge_epu16_mask(largest, _mm512_set1_epi16(static_cast<int16_t>(0xff00))) != 0;
  }

  I32 largest = Vec::Zero();
};

}  // namespace
}  // namespace tfsparse

#endif  // TFSPARSE_CUSTOM_OPS_KERNELS_PACK_BF16_LAYOUTS_H_
