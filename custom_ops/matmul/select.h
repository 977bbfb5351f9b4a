#ifndef TFSPARSE_CUSTOM_OPS_MATMUL_SELECT_H_
#define TFSPARSE_CUSTOM_OPS_MATMUL_SELECT_H_

#include <cstdint>
#include <string>
#include <vector>

#include "custom_ops/base/bfloat16.h"
#include "custom_ops/kernels/kernel_args.h"
#include "custom_ops/kernels/layout.h"
#include "custom_ops/matmul/path.h"
#include "custom_ops/matmul/tiles.h"

namespace tfsparse {

// A row of kernels.inc.
template <typename T>
struct Kernel {
  std::string name;  // weights_path_layout_HEIGHTxVECTORS, as in
                     // int8_avx512vnni_quads_8x3
  Path path;
  Layout layout;
  int height;
  int min_vectors;
  int max_vectors;
  int share;
  MultiplyFunction (*multiply)(int height, int vectors);

  TileVectors vectors() const { return {min_vectors, max_vectors, multiply(height, 1) != nullptr}; }
};

// The steps around a kernel, which depend on its path and layout only.
struct Steps {
  PackFunction pack_f32;  // float x
  PackFunction pack_u8;   // uint8 x; for int8 weights, else null
  OutputFunction output_f32;
  OutputFunction output_u8;  // for int8 weights, else null
  // Packs x from the sums of the layer before; null where it has to go through y.
  PackSumsFunction pack_sums = nullptr;
  // Around the products of a tile, in its thread; null where there is nothing to do.
  void (*begin)() = nullptr;
  void (*end)() = nullptr;
};

// The type of the weights, in the name of a kernel.
inline const char* WeightsName(float) { return "float"; }
inline const char* WeightsName(BFloat16) { return "bf16"; }
inline const char* WeightsName(int8_t) { return "int8"; }

// All rows for weights of type T (float, BFloat16 or int8_t).
template <typename T>
const std::vector<Kernel<T>>& Kernels();

// Whether a kernel can take blocks of `block_in` inputs.
template <typename T>
bool Accepts(const Kernel<T>& kernel, int64_t block_in) {
  if (IsGathered(kernel.layout) || kernel.layout == Layout::kMergedQuads) return true;
  return block_in % (kernel.layout == Layout::kPairs ? 2 : 4) == 0;
}

// The best kernel of the highest path that `path` includes and that has any, for a
// validated block.
template <typename T>
const Kernel<T>& SelectKernel(Path path, int64_t block_out, int64_t block_in);

template <typename T>
Steps SelectSteps(const Kernel<T>& kernel);

}  // namespace tfsparse

#endif  // TFSPARSE_CUSTOM_OPS_MATMUL_SELECT_H_
