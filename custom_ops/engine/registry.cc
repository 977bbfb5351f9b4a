#include "custom_ops/engine/registry.h"

#include <type_traits>

#include "custom_ops/kernels/isa/amx.h"
#include "custom_ops/kernels/isa/avx2.h"
#include "custom_ops/kernels/isa/avx2vnni.h"
#include "custom_ops/kernels/isa/avx512.h"
#include "custom_ops/kernels/isa/avx512bf16.h"
#include "custom_ops/kernels/isa/avx512vbmi.h"
#include "custom_ops/kernels/isa/avx512vnni.h"
#include "custom_ops/kernels/isa/portable.h"

namespace tfsparse {
namespace {

// The type of the weights, in the name of a kernel.
const char* WeightsName(float) { return "float"; }
const char* WeightsName(BFloat16) { return "bf16"; }
const char* WeightsName(int8_t) { return "int8"; }

template <typename T>
std::string Name(const char* kind, Isa isa, int rows, const WeightFormat& format) {
  return std::string(WeightsName(T())) + "_" + kind + IsaName(isa) + "_" + std::to_string(rows) +
         "x" + std::to_string(format.nr) + FormatName<T>(format);
}

// Adds a row of kernels.inc to the list for T, if it is for weights of type W = T.
template <typename T, typename W>
void Add(std::vector<Kernel<T>>& kernels, Isa isa, const WeightFormat& format, int min_vectors,
         int max_vectors, int share, MultiplyFunction (*multiply)(int, int)) {
  if constexpr (std::is_same_v<T, W>) {
    kernels.push_back({Name<T>("", isa, max_vectors * kLanes, format), isa, format, min_vectors,
                       max_vectors, share, multiply});
  }
}

// The same of gemv.inc.
template <typename T, typename W>
void Add(std::vector<GemvKernel<T>>& kernels, Isa isa, const WeightFormat& format, int max_rows,
         int cost, GemvFunction (*function)(int, int)) {
  if constexpr (std::is_same_v<T, W>) {
    kernels.push_back(
        {Name<T>("gemv_", isa, max_rows, format), isa, format, max_rows, cost, function});
  }
}

template <typename T>
int64_t Cost(const GemvKernel<T>& kernel, int64_t block_out) {
  return (block_out + kernel.format.nr - 1) / kernel.format.nr * kernel.cost;
}

// Percent of the peak that is left when a block's last panel is not full.
template <typename T>
double UsefulShare(const Kernel<T>& kernel, int64_t block_out) {
  const int64_t panels = (block_out + kernel.format.nr - 1) / kernel.format.nr;
  return static_cast<double>(kernel.share * block_out) / (panels * kernel.format.nr);
}

// The functions of an ISA for a layout, lowest ISA first. An ISA that adds nothing to them has
// those of the ISA below it that it includes.
struct TileFunctionsRow {
  Isa isa;
  TileLayout tile;
  TileFunctions functions;
};

constexpr TileFunctionsRow kF32TileFunctions[] = {
    {Isa::kPortable,
     TileLayout::kInterleave1,
     {PackF32Portable, nullptr, EpilogueF32Portable, nullptr}},
    {Isa::kAvx2,
     TileLayout::kInterleave1,
     {PackF32Avx2, nullptr, EpilogueF32Avx2, nullptr, EpilogueToTileF32Avx2}},
    {Isa::kAvx512,
     TileLayout::kInterleave1,
     {PackF32Avx512, nullptr, EpilogueF32Avx512, nullptr, EpilogueToTileF32Avx512}},
};

// Where VDPBF16PS is missing or slow, x is rounded to bfloat16 but stays float, for the kernels for
// float.
constexpr TileFunctionsRow kBf16TileFunctions[] = {
    {Isa::kPortable,
     TileLayout::kInterleave1,
     {RoundInterleave1Portable, nullptr, EpilogueF32Portable, nullptr}},
    {Isa::kAvx2,
     TileLayout::kInterleave1,
     {RoundInterleave1Avx2, nullptr, EpilogueF32Avx2, nullptr, EpilogueToTileRoundedAvx2}},
    {Isa::kAvx512,
     TileLayout::kInterleave1,
     {RoundInterleave1Avx512, nullptr, EpilogueF32Avx512, nullptr, EpilogueToTileRoundedAvx512}},
    {Isa::kAvx512Bf16,
     TileLayout::kInterleave2,
     {RoundInterleave2Avx512Bf16, nullptr, EpilogueF32Avx512, nullptr,
      EpilogueToTileBf16Interleave2Avx512Bf16}},
    {Isa::kAvx512Bf16,
     TileLayout::kInterleave1Wide,
     {RoundInterleave1WideAvx512Bf16, nullptr, EpilogueF32Avx512, nullptr,
      EpilogueToTileBf16Interleave1WideAvx512Bf16}},
};

#define TFSPARSE_INT8_TILE_FUNCTIONS(isa, layout, epilogue_to_tile)                            \
  {                                                                                            \
    Isa::k##isa, TileLayout::k##layout, {                                                      \
      Quantize##layout##isa, PackU8##layout##isa, EpilogueS32ToF32##isa, EpilogueS32ToU8##isa, \
          epilogue_to_tile, QuantizeRows##isa                                                  \
    }                                                                                          \
  }
constexpr TileFunctionsRow kInt8TileFunctions[] = {
    TFSPARSE_INT8_TILE_FUNCTIONS(Portable, Interleave4, nullptr),
    TFSPARSE_INT8_TILE_FUNCTIONS(Portable, Interleave1, nullptr),
    TFSPARSE_INT8_TILE_FUNCTIONS(Avx2, Interleave4, EpilogueToTileInterleave4Avx2),
    TFSPARSE_INT8_TILE_FUNCTIONS(Avx2, Interleave1, EpilogueToTileInterleave1Avx2),
    TFSPARSE_INT8_TILE_FUNCTIONS(Avx2, Interleave2, EpilogueToTileInterleave2Avx2),
    TFSPARSE_INT8_TILE_FUNCTIONS(Avx2, Interleave1Wide, EpilogueToTileInterleave1WideAvx2),
    TFSPARSE_INT8_TILE_FUNCTIONS(Avx512, Interleave4, EpilogueToTileInterleave4Avx512),
    TFSPARSE_INT8_TILE_FUNCTIONS(Avx512, Interleave1, EpilogueToTileInterleave1Avx512),
    TFSPARSE_INT8_TILE_FUNCTIONS(Avx512, Interleave2, EpilogueToTileInterleave2Avx512),
    TFSPARSE_INT8_TILE_FUNCTIONS(Avx512, Interleave1Wide, EpilogueToTileInterleave1WideAvx512),
    {Isa::kAmx,
     TileLayout::kInterleave4,
     {QuantizeInterleave4Avx512, PackU8Interleave4Avx512, EpilogueS32ToF32Avx512,
      EpilogueS32ToU8Avx512, EpilogueToTileInterleave4Avx512, QuantizeRowsAvx512, BeginAmx,
      EndAmx}},
};
#undef TFSPARSE_INT8_TILE_FUNCTIONS

constexpr auto& TileFunctionsRows(float) { return kF32TileFunctions; }
constexpr auto& TileFunctionsRows(BFloat16) { return kBf16TileFunctions; }
constexpr auto& TileFunctionsRows(int8_t) { return kInt8TileFunctions; }

}  // namespace

template <typename T>
const std::vector<Kernel<T>>& Kernels() {
  static const std::vector<Kernel<T>> kernels = [] {
    std::vector<Kernel<T>> rows;
#define TFSPARSE_KERNEL(weights, isa, tile, packing, nr, min_vectors, max_vectors, share,      \
                        function)                                                              \
  Add<T, weights>(rows, Isa::isa, {TileLayout::tile, WeightPacking::packing, nr}, min_vectors, \
                  max_vectors, share, function);
#include "custom_ops/kernels/kernels.inc"
#undef TFSPARSE_KERNEL
    return rows;
  }();
  return kernels;
}

template <typename T>
const std::vector<GemvKernel<T>>& GemvKernels() {
  static const std::vector<GemvKernel<T>> kernels = [] {
    std::vector<GemvKernel<T>> rows;
#define TFSPARSE_GEMV_KERNEL(weights, isa, tile, packing, nr, max_rows, cost, function)           \
  Add<T, weights>(rows, Isa::isa, {TileLayout::tile, WeightPacking::packing, nr}, max_rows, cost, \
                  function);
#include "custom_ops/kernels/gemv.inc"
#undef TFSPARSE_GEMV_KERNEL
    return rows;
  }();
  return kernels;
}

template <typename T>
const Kernel<T>& SelectKernel(Isa isa, int64_t block_out, int64_t block_in) {
  const Kernel<T>* best = nullptr;
  for (const Kernel<T>& kernel : Kernels<T>()) {
    if (!Includes(isa, kernel.isa) || !Accepts<T>(kernel.format, block_in)) continue;
    if (best == nullptr || kernel.isa > best->isa ||
        (kernel.isa == best->isa &&
         UsefulShare(kernel, block_out) > UsefulShare(*best, block_out))) {
      best = &kernel;
    }
  }
  return *best;  // the portable kernels accept everything
}

template <typename T>
TileFunctions SelectTileFunctions(const Kernel<T>& kernel) {
  const TileFunctionsRow* best = nullptr;
  for (const TileFunctionsRow& row : TileFunctionsRows(T())) {
    if (row.tile == kernel.format.tile && Includes(kernel.isa, row.isa)) best = &row;
  }
  return best->functions;  // every kernel's layout is in the table, on its ISA or below
}

template <typename T>
const GemvKernel<T>* SelectGemv(Isa isa, int64_t block_out, int64_t block_in,
                                const Kernel<T>& many) {
  const GemvKernel<T>* best = nullptr;
  for (const GemvKernel<T>& kernel : GemvKernels<T>()) {
    if (!Includes(isa, kernel.isa) || !Accepts<T>(kernel.format, block_in)) continue;
    // Where groups of four are neighbours, they need no permutation.
    const bool is_window = kernel.format.packing == WeightPacking::kPermuteWindows;
    if (is_window && block_in % 4 == 0) continue;
    if (kernel.format == many.format) return &kernel;
    if (best == nullptr || Cost(kernel, block_out) < Cost(*best, block_out)) best = &kernel;
  }
  return best;
}

template <typename T>
GemvFunctions SelectGemvFunctions(const GemvKernel<T>& kernel) {
  if constexpr (std::is_same_v<T, int8_t>) {
    return {QuantizeRowsAvx512, PackU8RowsAvx512, 1, EpilogueGemvS32ToF32Avx512,
            EpilogueGemvS32ToU8Avx512};
  } else if constexpr (std::is_same_v<T, BFloat16>) {
    const bool pairs = kernel.format.tile == TileLayout::kInterleave2;
    return {pairs ? RoundRowsAvx512Bf16 : RoundRowsAvx512, nullptr, pairs ? 2 : 4,
            EpilogueGemvF32Avx512};
  } else {
    return {nullptr, nullptr, 4, EpilogueGemvF32Avx512};
  }
}

template const std::vector<Kernel<float>>& Kernels();
template const std::vector<Kernel<BFloat16>>& Kernels();
template const std::vector<Kernel<int8_t>>& Kernels();
template const Kernel<float>& SelectKernel(Isa, int64_t, int64_t);
template const Kernel<BFloat16>& SelectKernel(Isa, int64_t, int64_t);
template const Kernel<int8_t>& SelectKernel(Isa, int64_t, int64_t);
template TileFunctions SelectTileFunctions(const Kernel<float>&);
template TileFunctions SelectTileFunctions(const Kernel<BFloat16>&);
template TileFunctions SelectTileFunctions(const Kernel<int8_t>&);
template const std::vector<GemvKernel<float>>& GemvKernels();
template const std::vector<GemvKernel<BFloat16>>& GemvKernels();
template const std::vector<GemvKernel<int8_t>>& GemvKernels();
template const GemvKernel<float>* SelectGemv(Isa, int64_t, int64_t, const Kernel<float>&);
template const GemvKernel<BFloat16>* SelectGemv(Isa, int64_t, int64_t, const Kernel<BFloat16>&);
template const GemvKernel<int8_t>* SelectGemv(Isa, int64_t, int64_t, const Kernel<int8_t>&);
template GemvFunctions SelectGemvFunctions(const GemvKernel<float>&);
template GemvFunctions SelectGemvFunctions(const GemvKernel<BFloat16>&);
template GemvFunctions SelectGemvFunctions(const GemvKernel<int8_t>&);

}  // namespace tfsparse
