#include "custom_ops/kernels/multiply_f32_avx512.h"

#include "custom_ops/kernels/multiply_f32.h"
#include "custom_ops/kernels/vector_avx512.h"

namespace tfsparse {

MultiplyFunction MultiplyF32Avx512(int height, int vectors) {
  switch (height) {
    case 8:
      return PickVectors<F32<Avx512>, 8, 1, 3>(vectors);
    case 4:
      return PickVectors<F32<Avx512>, 4, 1, 4>(vectors);
    case 2:
      return PickVectors<F32<Avx512>, 2, 1, 8>(vectors);
    case 1:
      return PickVectors<F32<Avx512>, 1, 1, 8>(vectors);
  }
  return nullptr;
}

}  // namespace tfsparse
