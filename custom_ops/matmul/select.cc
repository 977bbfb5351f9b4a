#include "custom_ops/matmul/select.h"

#include <type_traits>

#include "custom_ops/kernels/multiply_bf16_avx512bf16.h"
#include "custom_ops/kernels/multiply_f32_avx2.h"
#include "custom_ops/kernels/multiply_f32_avx512.h"
#include "custom_ops/kernels/multiply_u8s8_amx.h"
#include "custom_ops/kernels/multiply_u8s8_avx2.h"
#include "custom_ops/kernels/multiply_u8s8_avx2vnni.h"
#include "custom_ops/kernels/multiply_u8s8_avx512.h"
#include "custom_ops/kernels/multiply_u8s8_avx512vnni.h"
#include "custom_ops/kernels/output_avx2.h"
#include "custom_ops/kernels/output_avx512.h"
#include "custom_ops/kernels/pack_avx2.h"
#include "custom_ops/kernels/pack_avx512.h"
#include "custom_ops/kernels/pack_bf16_avx512bf16.h"
#include "custom_ops/kernels/pack_sums_avx2.h"
#include "custom_ops/kernels/pack_sums_avx512.h"
#include "custom_ops/kernels/pack_sums_bf16_avx512bf16.h"
#include "custom_ops/kernels/portable.h"

namespace tfsparse {
namespace {

template <typename T>
std::string Name(Path path, Layout layout, int height, int vectors) {
  return std::string(WeightsName(T())) + "_" + PathName(path) + "_" + LayoutName(layout) + "_" +
         std::to_string(height) + "x" + std::to_string(vectors);
}

// Adds a row of kernels.inc to the list for T, if it is for weights of type W =
// T.
template <typename T, typename W>
void Add(std::vector<Kernel<T>>& kernels, Path path, Layout layout, int height, int min_vectors,
         int max_vectors, int share, MultiplyFunction (*multiply)(int, int)) {
  if constexpr (std::is_same_v<T, W>) {
    kernels.push_back({Name<T>(path, layout, height, max_vectors), path, layout, height,
                       min_vectors, max_vectors, share, multiply});
  }
}

// Percent of the peak that is left when a block's last strip is not full.
template <typename T>
double UsefulShare(const Kernel<T>& kernel, int64_t block_out) {
  const int64_t strips = (block_out + kernel.height - 1) / kernel.height;
  return static_cast<double>(kernel.share * block_out) / (strips * kernel.height);
}

// The steps of a path for a layout, lowest path first. A path that adds nothing to them has
// those of the path below it that it includes.
struct StepsRow {
  Path path;
  Layout layout;
  Steps steps;
};

constexpr StepsRow kF32Steps[] = {
    {Path::kPortable, Layout::kPlanes, {PackF32Portable, nullptr, OutputF32Portable, nullptr}},
    {Path::kAvx2, Layout::kPlanes, {PackF32Avx2, nullptr, OutputF32Avx2, nullptr, PackSumsF32Avx2}},
    {Path::kAvx512,
     Layout::kPlanes,
     {PackF32Avx512, nullptr, OutputF32Avx512, nullptr, PackSumsF32Avx512}},
};

// Where VDPBF16PS is not, x is rounded to bfloat16 but stays float, for the kernels for float.
constexpr StepsRow kBf16Steps[] = {
    {Path::kPortable, Layout::kPlanes, {RoundPlanesPortable, nullptr, OutputF32Portable, nullptr}},
    {Path::kAvx2,
     Layout::kPlanes,
     {RoundPlanesAvx2, nullptr, OutputF32Avx2, nullptr, PackSumsRoundedAvx2}},
    {Path::kAvx512,
     Layout::kPlanes,
     {RoundPlanesAvx512, nullptr, OutputF32Avx512, nullptr, PackSumsRoundedAvx512}},
    {Path::kAvx512Bf16,
     Layout::kPairs,
     {RoundPairsAvx512Bf16, nullptr, OutputF32Avx512, nullptr, PackSumsBf16PairsAvx512Bf16}},
    {Path::kAvx512Bf16,
     Layout::kWidePlanes,
     {RoundWidePlanesAvx512Bf16, nullptr, OutputF32Avx512, nullptr,
      PackSumsBf16WidePlanesAvx512Bf16}},
};

#define TFSPARSE_INT8_STEPS(path, layout, pack_sums)                                           \
  {                                                                                            \
    Path::k##path, Layout::k##layout, {                                                        \
      Quantize##layout##path, PackU8##layout##path, OutputS32ToF32##path, OutputS32ToU8##path, \
          pack_sums                                                                            \
    }                                                                                          \
  }
constexpr StepsRow kInt8Steps[] = {
    TFSPARSE_INT8_STEPS(Portable, Quads, nullptr),
    TFSPARSE_INT8_STEPS(Portable, Planes, nullptr),
    TFSPARSE_INT8_STEPS(Avx2, Quads, PackSumsQuadsAvx2),
    TFSPARSE_INT8_STEPS(Avx2, Planes, PackSumsPlanesAvx2),
    TFSPARSE_INT8_STEPS(Avx2, Pairs, PackSumsPairsAvx2),
    TFSPARSE_INT8_STEPS(Avx2, WidePlanes, PackSumsWidePlanesAvx2),
    TFSPARSE_INT8_STEPS(Avx512, Quads, PackSumsQuadsAvx512),
    TFSPARSE_INT8_STEPS(Avx512, Planes, PackSumsPlanesAvx512),
    TFSPARSE_INT8_STEPS(Avx512, Pairs, PackSumsPairsAvx512),
    TFSPARSE_INT8_STEPS(Avx512, WidePlanes, PackSumsWidePlanesAvx512),
    {Path::kAmx,
     Layout::kMergedQuads,
     {QuantizeQuadsAvx512, PackU8QuadsAvx512, OutputS32ToF32Avx512, OutputS32ToU8Avx512,
      PackSumsQuadsAvx512, BeginAmx, EndAmx}},
};
#undef TFSPARSE_INT8_STEPS

constexpr auto& StepsRows(float) { return kF32Steps; }
constexpr auto& StepsRows(BFloat16) { return kBf16Steps; }
constexpr auto& StepsRows(int8_t) { return kInt8Steps; }

}  // namespace

template <typename T>
const std::vector<Kernel<T>>& Kernels() {
  static const std::vector<Kernel<T>> kernels = [] {
    std::vector<Kernel<T>> rows;
#define TFSPARSE_KERNEL(weights, path, layout, height, min_vectors, max_vectors, share, function) \
  Add<T, weights>(rows, Path::path, Layout::layout, height, min_vectors, max_vectors, share,      \
                  function);
#include "custom_ops/kernels/kernels.inc"
#undef TFSPARSE_KERNEL
    return rows;
  }();
  return kernels;
}

template <typename T>
const Kernel<T>& SelectKernel(Path path, int64_t block_out, int64_t block_in) {
  const Kernel<T>* best = nullptr;
  for (const Kernel<T>& kernel : Kernels<T>()) {
    if (!Includes(path, kernel.path) || !Accepts(kernel, block_in)) continue;
    if (best == nullptr || kernel.path > best->path ||
        (kernel.path == best->path &&
         UsefulShare(kernel, block_out) > UsefulShare(*best, block_out))) {
      best = &kernel;
    }
  }
  return *best;  // the portable kernels accept everything
}

template <typename T>
Steps SelectSteps(const Kernel<T>& kernel) {
  const StepsRow* best = nullptr;
  for (const StepsRow& row : StepsRows(T())) {
    if (row.layout == kernel.layout && Includes(kernel.path, row.path)) best = &row;
  }
  return best->steps;  // every kernel's layout is in the table, on its path or below
}

template const std::vector<Kernel<float>>& Kernels();
template const std::vector<Kernel<BFloat16>>& Kernels();
template const std::vector<Kernel<int8_t>>& Kernels();
template const Kernel<float>& SelectKernel(Path, int64_t, int64_t);
template const Kernel<BFloat16>& SelectKernel(Path, int64_t, int64_t);
template const Kernel<int8_t>& SelectKernel(Path, int64_t, int64_t);
template Steps SelectSteps(const Kernel<float>&);
template Steps SelectSteps(const Kernel<BFloat16>&);
template Steps SelectSteps(const Kernel<int8_t>&);

}  // namespace tfsparse
