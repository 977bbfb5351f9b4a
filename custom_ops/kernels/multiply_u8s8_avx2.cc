#include "custom_ops/kernels/multiply_u8s8_avx2.h"

#include "custom_ops/kernels/multiply_pairs.h"
#include "custom_ops/kernels/vector_avx2.h"

namespace tfsparse {

MultiplyFunction MultiplyPairsAvx2(int height, int vectors) {
  switch (height) {
    case 4:
      return PickVectors<Pairs<Avx2>, 4, 1, 1>(vectors);
    case 2:
      return PickVectors<Pairs<Avx2>, 2, 1, 2>(vectors);
    case 1:
      return PickVectors<Pairs<Avx2>, 1, 1, 4>(vectors);
  }
  return nullptr;
}

MultiplyFunction MultiplyGatheredAvx2(int height, int vectors) {
  switch (height) {
    case 4:
      return PickVectors<GatheredPairs<Avx2>, 4, 1, 1>(vectors);
    case 2:
      return PickVectors<GatheredPairs<Avx2>, 2, 1, 2>(vectors);
    case 1:
      return PickVectors<GatheredPairs<Avx2>, 1, 1, 2>(vectors);
  }
  return nullptr;
}

}  // namespace tfsparse
