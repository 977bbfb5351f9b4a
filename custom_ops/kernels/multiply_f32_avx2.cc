#include "custom_ops/kernels/multiply_f32_avx2.h"

#include "custom_ops/kernels/multiply_f32.h"
#include "custom_ops/kernels/vector_avx2.h"

namespace tfsparse {

MultiplyFunction MultiplyF32Avx2(int height, int vectors) {
  switch (height) {
    case 6:
      return PickVectors<F32<Avx2>, 6, 1, 1>(vectors);
    case 4:
      return PickVectors<F32<Avx2>, 4, 1, 1>(vectors);
    case 2:
      return PickVectors<F32<Avx2>, 2, 1, 2>(vectors);
    case 1:
      return PickVectors<F32<Avx2>, 1, 1, 4>(vectors);
  }
  return nullptr;
}

}  // namespace tfsparse
