#include "custom_ops/kernels/isa/avx512bf16.h"
#include "custom_ops/kernels/spmm/multiply_bf16.h"
#include "custom_ops/kernels/vector_avx512.h"

namespace tfsparse {
namespace {

struct Avx512Bf16 : Avx512 {
  static inline __attribute__((always_inline)) F32 DotBf16(F32 sum, F32 x, F32 weight) {
    return _mm512_dpbf16_ps(sum, (__m512bh)x, (__m512bh)weight);
  }
};

using Ready = Bf16<Pairs<Avx512Bf16>>;
using Gathered = Bf16<GatheredPairs<Avx512Bf16>>;

}  // namespace

MultiplyFunction MultiplyBf16Interleave2Avx512Bf16(int nr, int vectors) {
  switch (nr) {
    case 8:
      return PickVectors<Ready, 8, 1, 3>(vectors);
    case 4:
      return PickVectors<Ready, 4, 1, 4>(vectors);
    case 2:
      return PickVectors<Ready, 2, 1, 8>(vectors);
    case 1:
      return PickVectors<Ready, 1, 1, 8>(vectors);
  }
  return nullptr;
}

MultiplyFunction MultiplyBf16GatheredAvx512Bf16(int nr, int vectors) {
  switch (nr) {
    case 8:
      return PickVectors<Gathered, 8, 2, 2>(vectors);
    case 6:
      return PickVectors<Gathered, 6, 2, 4>(vectors);
    case 4:
      return PickVectors<Gathered, 4, 2, 4>(vectors);
    case 2:
      return PickVectors<Gathered, 2, 2, 8>(vectors);
    case 1:
      return PickVectors<Gathered, 1, 2, 8>(vectors);
  }
  return nullptr;
}

}  // namespace tfsparse
