#ifndef TFSPARSE_CUSTOM_OPS_ENGINE_REGISTRY_H_
#define TFSPARSE_CUSTOM_OPS_ENGINE_REGISTRY_H_

// Every kernel there is, and which one runs: a table of rows for tiles of many rows of x (SpMM),
// one for few rows (small M, GEMV), and what goes before and after each. docs/engine.md reads the
// names out.

#include <cstdint>
#include <string>
#include <vector>

#include "custom_ops/base/bfloat16.h"
#include "custom_ops/engine/isa.h"
#include "custom_ops/engine/tiles.h"
#include "custom_ops/format/weight_format.h"
#include "custom_ops/kernels/kernel_args.h"

namespace tfsparse {

// A row of kernels.inc.
template <typename T>
struct Kernel {
  std::string name;  // weights_isa_MRxNR and the format, as in int8_avx512vnni_48x8c4
  Isa isa;
  WeightFormat format;
  int min_vectors;
  int max_vectors;
  int share;
  MultiplyFunction (*multiply)(int nr, int vectors);

  TileVectors vectors() const {
    return {min_vectors, max_vectors, multiply(format.nr, 1) != nullptr};
  }
};

// What goes around a kernel for tiles, which depends on its ISA and tile layout only.
struct TileFunctions {
  PackFunction pack_f32;  // float x
  PackFunction pack_u8;   // uint8 x; for int8 weights, else null
  EpilogueFunction epilogue_f32;
  EpilogueFunction epilogue_u8;  // for int8 weights, else null
  // From the accumulators of a layer to the packed x of the next; null where that goes through y.
  EpilogueToTileFunction epilogue_to_tile = nullptr;
  PackFunction quantize_rows = nullptr;  // rows of float x, as they are; for int8 weights
  // Around the products of tiles, in their thread (tile_registers.h); null where there is nothing
  // to do.
  void (*begin)() = nullptr;
  void (*end)() = nullptr;
};

// A row of gemv.inc.
template <typename T>
struct GemvKernel {
  std::string name;  // weights_gemv_isa_ROWSxNR and the format, as in int8_gemv_avx512vbmi_5x4w
  Isa isa;
  WeightFormat format;
  int max_rows;
  int cost;
  GemvFunction (*function)(int nr, int rows);
};

// What goes around a kernel for small M. Float x by float weights is read where it is.
struct GemvFunctions {
  PackFunction pack_f32 = nullptr;
  PackFunction pack_u8 = nullptr;
  int64_t element_bytes = 4;  // of packed x
  EpilogueFunction epilogue_f32 = nullptr;
  EpilogueFunction epilogue_u8 = nullptr;  // for int8 weights, else null
};

// All rows for weights of type T (float, BFloat16 or int8_t).
template <typename T>
const std::vector<Kernel<T>>& Kernels();
template <typename T>
const std::vector<GemvKernel<T>>& GemvKernels();

// The best kernel of the highest ISA that `isa` includes and that has any, for a validated block.
template <typename T>
const Kernel<T>& SelectKernel(Isa isa, int64_t block_out, int64_t block_in);

// The best one for small M of the ISAs that `isa` includes, beside a kernel for many rows; null if
// there is none.
template <typename T>
const GemvKernel<T>* SelectGemv(Isa isa, int64_t block_out, int64_t block_in,
                                const Kernel<T>& many);

template <typename T>
TileFunctions SelectTileFunctions(const Kernel<T>& kernel);
template <typename T>
GemvFunctions SelectGemvFunctions(const GemvKernel<T>& kernel);

}  // namespace tfsparse

#endif  // TFSPARSE_CUSTOM_OPS_ENGINE_REGISTRY_H_
