#include "custom_ops/kernels/multiply_f32_avx2.h"

#include "custom_ops/kernels/multiply_f32.h"
#include "custom_ops/kernels/vector_avx2.h"

namespace tfsparse {
namespace {

template <class Idea>
MultiplyFunction Pick(int height, int vectors) {
  switch (height) {
    case 6:
      return PickVectors<Idea, 6, 1, 1>(vectors);
    case 4:
      return PickVectors<Idea, 4, 1, 1>(vectors);
    case 2:
      return PickVectors<Idea, 2, 1, 2>(vectors);
    case 1:
      return PickVectors<Idea, 1, 1, 4>(vectors);
  }
  return nullptr;
}

}  // namespace

MultiplyFunction MultiplyF32Avx2(int height, int vectors) {
  return Pick<F32<Avx2>>(height, vectors);
}

MultiplyFunction MultiplyBf16PlanesAvx2(int height, int vectors) {
  return Pick<F32FromBf16<Avx2>>(height, vectors);
}

}  // namespace tfsparse
