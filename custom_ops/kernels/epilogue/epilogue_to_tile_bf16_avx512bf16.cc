#include "custom_ops/kernels/activation_functions.h"
#include "custom_ops/kernels/isa/avx512bf16.h"
#include "custom_ops/kernels/lanes_avx512.h"
#include "custom_ops/kernels/pack/bf16_layouts.h"
#include "custom_ops/kernels/pack/byte_layouts.h"
#include "custom_ops/kernels/vector_avx512.h"

namespace tfsparse {
namespace {

// Lanes of pairs from two registers of floats.
inline __attribute__((always_inline)) __m512i RoundToPairs(__m512 low, __m512 high) {
  const __m512i interleaved =
      _mm512_set_epi16(31, 15, 30, 14, 29, 13, 28, 12, 27, 11, 26, 10, 25, 9, 24, 8, 23, 7, 22, 6,
                       21, 5, 20, 4, 19, 3, 18, 2, 17, 1, 16, 0);
  return _mm512_permutexvar_epi16(interleaved, (__m512i)_mm512_cvtne2ps_pbh(high, low));
}

// A last output without another has a zero beside it.
template <template <class> class Into>
bool EpilogueToTile(const EpilogueArgs& args) {
  constexpr int kTogether = Into<Avx512>::kTogether;
  const int64_t registers = args.vectors;
  LargestBf16<Avx512> largest;
  WithActivation(args.activation, [&](auto activation) {
    const auto value = [&](int64_t output, int64_t r) __attribute__((always_inline)) {
      if (output >= args.outputs) return Avx512::Broadcast(0.0f);
      const float* acc = static_cast<const float*>(args.acc) + (output * registers + r) * kLanes;
      return Activate<LanesAvx512, decltype(activation)::value>(Avx512::Load(acc));
    };
    for (int64_t output = 0; output < args.outputs; output += 2) {
      for (int64_t r = 0; r < registers; r += kTogether) {
        __m512i pairs[kTogether];
        for (int v = 0; v < kTogether; ++v) {
          pairs[v] = RoundToPairs(value(output, r + v), value(output + 1, r + v));
          largest.Add(pairs[v]);
        }
        Into<Avx512>::Store(static_cast<uint8_t*>(args.y), registers, output / 2, r, pairs);
      }
    }
  });
  return largest.non_finite();
}

}  // namespace

bool EpilogueToTileBf16Interleave2Avx512Bf16(const EpilogueArgs& args) {
  return EpilogueToTile<IntoInterleave4>(args);
}
bool EpilogueToTileBf16Interleave1WideAvx512Bf16(const EpilogueArgs& args) {
  return EpilogueToTile<IntoInterleave1OfPairs>(args);
}

}  // namespace tfsparse
