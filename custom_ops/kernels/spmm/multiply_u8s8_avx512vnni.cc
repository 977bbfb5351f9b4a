#include "custom_ops/kernels/isa/avx512vnni.h"
#include "custom_ops/kernels/spmm/multiply_interleave4.h"
#include "custom_ops/kernels/vector_avx512.h"

namespace tfsparse {
namespace {

struct Avx512Vnni : Avx512 {
  static inline __attribute__((always_inline)) I32 DotQuads(I32 sum, I32 x, I32 weight) {
    return _mm512_dpbusd_epi32(sum, x, weight);
  }
};

// Four inputs of 16 rows each are a register's four parts, and two shuffles make quads of them:
// 5 shuffles and inserts for a group instead of 8, but for 16 rows instead of 64.
struct NarrowGatheredQuads : GatheredQuads<Avx512Vnni> {
  template <int V, int First, int R>
  static inline __attribute__((always_inline)) void Load(const uint8_t* tile, const int32_t* column,
                                                         Register (&x)[R]) {
    static_assert(V == 1 && R == 1);
    const auto plane = [&](int i) __attribute__((always_inline)) {
      return _mm_load_si128(
          reinterpret_cast<const __m128i*>(tile + static_cast<int64_t>(column[i]) * kLanes));
    };
    __m512i planes = _mm512_castsi128_si512(plane(0));
    planes = _mm512_inserti32x4(planes, plane(1), 1);
    planes = _mm512_inserti32x4(planes, plane(2), 2);
    planes = _mm512_inserti32x4(planes, plane(3), 3);
    // Clang would make eight shuffles of the two.
    __m512i turned = Avx512::TransposeParts(planes);
    asm("" : "+v"(turned));
    x[0] = Avx512::TransposeBytes(turned);
  }
};

using Ready = Quads<Avx512Vnni>;
using Gathered = GatheredQuads<Avx512Vnni>;

template <int NR>
MultiplyFunction PickGathered(int vectors) {
  return vectors == 1 ? MultiplyPanels<NarrowGatheredQuads, NR, 1, kAllRegisters>
                      : PickVectors<Gathered, NR, 4, 4>(vectors);
}

}  // namespace

MultiplyFunction MultiplyInterleave4Avx512Vnni(int nr, int vectors) {
  switch (nr) {
    case 8:
      return PickVectors<Ready, 8, 1, 3>(vectors);
    case 4:
      return PickVectors<Ready, 4, 1, 4>(vectors);
    case 2:
      return PickVectors<Ready, 2, 1, 4>(vectors);
    case 1:
      return PickVectors<Ready, 1, 1, 4>(vectors);
  }
  return nullptr;
}

MultiplyFunction MultiplyGatheredAvx512Vnni(int nr, int vectors) {
  switch (nr) {
    case 6:
      return PickGathered<6>(vectors);
    case 4:
      return PickGathered<4>(vectors);
    case 2:
      return PickGathered<2>(vectors);
    case 1:
      return PickGathered<1>(vectors);
  }
  return nullptr;
}

}  // namespace tfsparse
