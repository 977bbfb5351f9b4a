#include "custom_ops/matmul/select.h"

#include <type_traits>

#include "custom_ops/kernels/multiply_f32_avx512.h"
#include "custom_ops/kernels/multiply_u8s8_avx512vnni.h"
#include "custom_ops/kernels/output_avx512.h"
#include "custom_ops/kernels/pack_avx512.h"
#include "custom_ops/kernels/portable.h"

namespace tfsparse {
namespace {

template <typename T>
std::string Name(Path path, Layout layout, int height, int vectors) {
  return std::string(std::is_same_v<T, float> ? "float" : "int8") + "_" + PathName(path) +
         (layout == Layout::kQuads ? "_quads_" : "_planes_") + std::to_string(height) + "x" +
         std::to_string(vectors);
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
    if (kernel.path > path || !Accepts(kernel, block_in)) continue;
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
  const bool avx512 = kernel.path >= Path::kAvx512;
  if constexpr (std::is_same_v<T, float>) {
    return avx512 ? Steps{PackF32Avx512, nullptr, OutputF32Avx512, nullptr}
                  : Steps{PackF32Portable, nullptr, OutputF32Portable, nullptr};
  } else if (kernel.layout == Layout::kQuads) {
    return avx512 ? Steps{QuantizeQuadsAvx512, PackU8QuadsAvx512, OutputS32ToF32Avx512,
                          OutputS32ToU8Avx512}
                  : Steps{QuantizeQuadsPortable, PackU8QuadsPortable, OutputS32ToF32Portable,
                          OutputS32ToU8Portable};
  } else {
    return avx512 ? Steps{QuantizePlanesAvx512, PackU8PlanesAvx512, OutputS32ToF32Avx512,
                          OutputS32ToU8Avx512}
                  : Steps{QuantizePlanesPortable, PackU8PlanesPortable, OutputS32ToF32Portable,
                          OutputS32ToU8Portable};
  }
}

template const std::vector<Kernel<float>>& Kernels();
template const std::vector<Kernel<int8_t>>& Kernels();
template const Kernel<float>& SelectKernel(Path, int64_t, int64_t);
template const Kernel<int8_t>& SelectKernel(Path, int64_t, int64_t);
template Steps SelectSteps(const Kernel<float>&);
template Steps SelectSteps(const Kernel<int8_t>&);

}  // namespace tfsparse
