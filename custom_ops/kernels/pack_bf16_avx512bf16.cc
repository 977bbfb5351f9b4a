#include "custom_ops/kernels/pack_bf16_avx512bf16.h"

#include "custom_ops/kernels/pack_tiles.h"
#include "custom_ops/kernels/vector_avx512.h"

namespace tfsparse {
namespace {

// Pairs of a row of floats, rounded. The instruction takes subnormal numbers for zeros.
template <class Vec>
struct FromF32ToBf16 {
  using I32 = typename Vec::I32;
  static constexpr int kInLane = 2;

  explicit FromF32ToBf16(const PackArgs&) : largest(Vec::Zero()) {}

  inline __attribute__((always_inline)) I32 Load(const void* x, int64_t offset, int64_t count) {
    const float* f = static_cast<const float*>(x) + offset;
    const I32 pairs =
        (I32)_mm512_cvtne2ps_pbh(Vec::LoadSome(f + 16, count - 16), Vec::LoadSome(f, count));
    // The sign shifted out: clang 19 makes of masking it a function on single elements.
    largest = _mm512_max_epu16(largest, _mm512_slli_epi16(pairs, 1));
    return pairs;
  }
  // An exponent of all ones.
  bool non_finite() const {
    return _mm512_cmpge_epu16_mask(largest, _mm512_set1_epi16(static_cast<int16_t>(0xff00))) != 0;
  }

  I32 largest;
};

// Planes of 16 bits from the pairs of two registers of rows, in the order of kernel_args.h.
template <class Vec>
struct IntoPlanesOfPairs {
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

}  // namespace

bool RoundPairsAvx512Bf16(const PackArgs& args) {
  return PackLanes<Avx512, FromF32ToBf16, IntoLanes>(args);
}
bool RoundWidePlanesAvx512Bf16(const PackArgs& args) {
  return PackLanes<Avx512, FromF32ToBf16, IntoPlanesOfPairs>(args);
}
bool RoundRowsAvx512Bf16(const PackArgs& args) { return PackRows<Avx512, FromF32ToBf16>(args); }

}  // namespace tfsparse
