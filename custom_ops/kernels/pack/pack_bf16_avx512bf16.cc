#include "custom_ops/kernels/isa/avx512bf16.h"
#include "custom_ops/kernels/pack/bf16_layouts.h"
#include "custom_ops/kernels/pack/pack_tiles.h"
#include "custom_ops/kernels/vector_avx512.h"

namespace tfsparse {
namespace {

// Pairs of a row of floats, rounded. The instruction takes subnormal numbers for zeros.
template <class Vec>
struct FromF32ToBf16 {
  using I32 = typename Vec::I32;
  static constexpr int kInLane = 2;

  explicit FromF32ToBf16(const PackArgs&) {}

  inline __attribute__((always_inline)) I32 Load(const void* x, int64_t offset, int64_t count) {
    const float* f = static_cast<const float*>(x) + offset;
    const I32 pairs =
        (I32)_mm512_cvtne2ps_pbh(Vec::LoadSome(f + 16, count - 16), Vec::LoadSome(f, count));
    largest.Add(pairs);
    return pairs;
  }
  bool non_finite() const { return largest.non_finite(); }

  LargestBf16<Vec> largest;
};

}  // namespace

bool RoundInterleave2Avx512Bf16(const PackArgs& args) {
  return PackLanes<Avx512, FromF32ToBf16, IntoLanes>(args);
}
bool RoundInterleave1WideAvx512Bf16(const PackArgs& args) {
  return PackLanes<Avx512, FromF32ToBf16, IntoInterleave1OfPairs>(args);
}
bool RoundRowsAvx512Bf16(const PackArgs& args) { return PackRows<Avx512, FromF32ToBf16>(args); }

}  // namespace tfsparse
