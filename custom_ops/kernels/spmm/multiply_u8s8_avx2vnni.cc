#include "custom_ops/kernels/isa/avx2vnni.h"
#include "custom_ops/kernels/spmm/multiply_interleave4.h"
#include "custom_ops/kernels/vector_avx2.h"

namespace tfsparse {
namespace {

struct Avx2Vnni : Avx2 {
  static inline __attribute__((always_inline)) I32 DotQuads(I32 sum, I32 x, I32 weight) {
    return _mm256_dpbusd_avx_epi32(sum, x, weight);
  }
};

using Ready = Quads<Avx2Vnni>;
using Gathered = GatheredQuads<Avx2Vnni>;

}  // namespace

MultiplyFunction MultiplyInterleave4Avx2Vnni(int nr, int vectors) {
  switch (nr) {
    case 6:
      return PickVectors<Ready, 6, 1, 1>(vectors);
    case 4:
      return PickVectors<Ready, 4, 1, 1>(vectors);
    case 2:
      return PickVectors<Ready, 2, 1, 2>(vectors);
    case 1:
      return PickVectors<Ready, 1, 1, 4>(vectors);
  }
  return nullptr;
}

MultiplyFunction MultiplyGatheredAvx2Vnni(int nr, int vectors) {
  switch (nr) {
    case 6:
      return PickVectors<Gathered, 6, 2, 2, 2>(vectors);
    case 4:
      return PickVectors<Gathered, 4, 2, 2, 2>(vectors);
    case 2:
      return PickVectors<Gathered, 2, 2, 2>(vectors);
    case 1:
      return PickVectors<Gathered, 1, 2, 2>(vectors);
  }
  return nullptr;
}

}  // namespace tfsparse
