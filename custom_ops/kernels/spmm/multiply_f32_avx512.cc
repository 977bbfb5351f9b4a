#include "custom_ops/kernels/isa/avx512.h"
#include "custom_ops/kernels/spmm/multiply_f32.h"
#include "custom_ops/kernels/vector_avx512.h"

namespace tfsparse {
namespace {

template <class DotPolicy>
MultiplyFunction Pick(int nr, int vectors) {
  switch (nr) {
    case 8:
      return PickVectors<DotPolicy, 8, 1, 3>(vectors);
    case 4:
      return PickVectors<DotPolicy, 4, 1, 4>(vectors);
    case 2:
      return PickVectors<DotPolicy, 2, 1, 8>(vectors);
    case 1:
      return PickVectors<DotPolicy, 1, 1, 8>(vectors);
  }
  return nullptr;
}

}  // namespace

MultiplyFunction MultiplyF32Avx512(int nr, int vectors) { return Pick<F32<Avx512>>(nr, vectors); }

MultiplyFunction MultiplyBf16Interleave1Avx512(int nr, int vectors) {
  return Pick<F32FromBf16<Avx512>>(nr, vectors);
}

}  // namespace tfsparse
