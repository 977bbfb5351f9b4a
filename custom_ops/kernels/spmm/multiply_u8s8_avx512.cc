#include "custom_ops/kernels/isa/avx512.h"
#include "custom_ops/kernels/spmm/multiply_interleave2.h"
#include "custom_ops/kernels/vector_avx512.h"

namespace tfsparse {

MultiplyFunction MultiplyInterleave2Avx512(int nr, int vectors) {
  switch (nr) {
    case 8:
      return PickVectors<Pairs<Avx512>, 8, 1, 3>(vectors);
    case 4:
      return PickVectors<Pairs<Avx512>, 4, 1, 4>(vectors);
    case 2:
      return PickVectors<Pairs<Avx512>, 2, 1, 4>(vectors);
    case 1:
      return PickVectors<Pairs<Avx512>, 1, 1, 4>(vectors);
  }
  return nullptr;
}

MultiplyFunction MultiplyGatheredAvx512(int nr, int vectors) {
  switch (nr) {
    case 6:
      return PickVectors<GatheredPairs<Avx512>, 6, 4, 4>(vectors);
    case 4:
      return PickVectors<GatheredPairs<Avx512>, 4, 4, 4>(vectors);
    case 2:
      return PickVectors<GatheredPairs<Avx512>, 2, 4, 4>(vectors);
    case 1:
      return PickVectors<GatheredPairs<Avx512>, 1, 4, 4>(vectors);
  }
  return nullptr;
}

}  // namespace tfsparse
