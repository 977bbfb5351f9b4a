#include "custom_ops/kernels/multiply_u8s8_avx512vnni.h"

#include "custom_ops/kernels/multiply_quads.h"
#include "custom_ops/kernels/vector_avx512.h"

namespace tfsparse {
namespace {

struct Avx512Vnni : Avx512 {
  static inline __attribute__((always_inline)) I32 DotQuads(I32 sum, I32 x, I32 weight) {
    return _mm512_dpbusd_epi32(sum, x, weight);
  }
};

using Ready = Quads<Avx512Vnni>;
using Gathered = GatheredQuads<Avx512Vnni>;

}  // namespace

MultiplyFunction MultiplyQuadsAvx512Vnni(int height, int vectors) {
  switch (height) {
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

MultiplyFunction MultiplyGatheredAvx512Vnni(int height, int vectors) {
  switch (height) {
    case 6:
      return PickVectors<Gathered, 6, 4, 4>(vectors);
    case 4:
      return PickVectors<Gathered, 4, 4, 4>(vectors);
    case 2:
      return PickVectors<Gathered, 2, 4, 4>(vectors);
    case 1:
      return PickVectors<Gathered, 1, 4, 4>(vectors);
  }
  return nullptr;
}

}  // namespace tfsparse
