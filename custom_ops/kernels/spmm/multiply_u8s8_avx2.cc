#include "custom_ops/kernels/isa/avx2.h"
#include "custom_ops/kernels/spmm/multiply_interleave2.h"
#include "custom_ops/kernels/vector_avx2.h"

namespace tfsparse {

MultiplyFunction MultiplyInterleave2Avx2(int nr, int vectors) {
  switch (nr) {
    case 4:
      return PickVectors<Pairs<Avx2>, 4, 1, 1>(vectors);
    case 2:
      return PickVectors<Pairs<Avx2>, 2, 1, 2>(vectors);
    case 1:
      return PickVectors<Pairs<Avx2>, 1, 1, 4>(vectors);
  }
  return nullptr;
}

MultiplyFunction MultiplyGatheredAvx2(int nr, int vectors) {
  switch (nr) {
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
