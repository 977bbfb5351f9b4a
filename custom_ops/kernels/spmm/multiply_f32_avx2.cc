#include "custom_ops/kernels/isa/avx2.h"
#include "custom_ops/kernels/spmm/multiply_f32.h"
#include "custom_ops/kernels/vector_avx2.h"

namespace tfsparse {
namespace {

template <class DotPolicy>
MultiplyFunction Pick(int nr, int vectors) {
  switch (nr) {
    case 6:
      return PickVectors<DotPolicy, 6, 1, 1>(vectors);
    case 4:
      return PickVectors<DotPolicy, 4, 1, 1>(vectors);
    case 2:
      return PickVectors<DotPolicy, 2, 1, 2>(vectors);
    case 1:
      return PickVectors<DotPolicy, 1, 1, 4>(vectors);
  }
  return nullptr;
}

}  // namespace

MultiplyFunction MultiplyF32Avx2(int nr, int vectors) { return Pick<F32<Avx2>>(nr, vectors); }

MultiplyFunction MultiplyBf16Interleave1Avx2(int nr, int vectors) {
  return Pick<F32FromBf16<Avx2>>(nr, vectors);
}

}  // namespace tfsparse
