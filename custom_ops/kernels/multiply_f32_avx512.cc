#include "custom_ops/kernels/multiply_f32_avx512.h"

#include "custom_ops/kernels/multiply_f32.h"
#include "custom_ops/kernels/vector_avx512.h"

namespace tfsparse {
namespace {

template <class Idea>
MultiplyFunction Pick(int height, int vectors) {
  switch (height) {
    case 8:
      return PickVectors<Idea, 8, 1, 3>(vectors);
    case 4:
      return PickVectors<Idea, 4, 1, 4>(vectors);
    case 2:
      return PickVectors<Idea, 2, 1, 8>(vectors);
    case 1:
      return PickVectors<Idea, 1, 1, 8>(vectors);
  }
  return nullptr;
}

}  // namespace

MultiplyFunction MultiplyF32Avx512(int height, int vectors) {
  return Pick<F32<Avx512>>(height, vectors);
}

MultiplyFunction MultiplyBf16PlanesAvx512(int height, int vectors) {
  return Pick<F32FromBf16<Avx512>>(height, vectors);
}

}  // namespace tfsparse
