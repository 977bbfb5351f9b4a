#include "custom_ops/matmul/few_rows.h"

#include <algorithm>
#include <cstring>
#include <type_traits>

#include "custom_ops/base/aligned_buffer.h"
#include "custom_ops/base/balanced_cut.h"
#include "custom_ops/kernels/few_rows_bf16_avx512bf16.h"
#include "custom_ops/kernels/few_rows_f32_avx512.h"
#include "custom_ops/kernels/few_rows_u8s8_avx512vbmi.h"
#include "custom_ops/kernels/few_rows_u8s8_avx512vnni.h"
#include "custom_ops/kernels/layout.h"
#include "custom_ops/kernels/output_avx512.h"
#include "custom_ops/kernels/pack_avx512.h"
#include "custom_ops/kernels/pack_bf16_avx512bf16.h"
#include "custom_ops/matmul/non_finite.h"
#include "custom_ops/matmul/output_constants.h"

namespace tfsparse {
namespace {

// Fewer registers of weights times rows than this are not worth another thread.
constexpr int64_t kMinWork = 1 << 13;

// AMX multiplies 16 rows in about the time that these kernels take for six.
constexpr int kMostRowsBesideAmx = 4;

// A strip costs about as many registers of weights beside its own.
constexpr int64_t kStripOverhead = 8;

// Outputs whose sums are kept in the first level of cache.
constexpr int64_t kFewRowsChunk = 256;

template <typename T, typename W>
void Add(std::vector<FewRowsKernel<T>>& kernels, Path path, Layout layout, int height,
         int most_rows, int cost, FewRowsFunction (*function)(int, int)) {
  if constexpr (std::is_same_v<T, W>) {
    const std::string name = std::string(WeightsName(T())) + "_" + PathName(path) + "_" +
                             LayoutName(layout) + "_" + std::to_string(height);
    kernels.push_back({name, path, layout, height, most_rows, cost, function});
  }
}

template <typename T>
int64_t Cost(const FewRowsKernel<T>& kernel, int64_t block_out) {
  return (block_out + kernel.height - 1) / kernel.height * kernel.cost;
}

// Buffers of a thread, kept between calls so that a call allocates nothing.
struct Scratch {
  AlignedBuffer<uint8_t> rows;
  AlignedBuffer<int32_t> sums;

  static Scratch& OfThisThread() {
    thread_local Scratch scratch;
    return scratch;
  }
};

// Rows of x as a kernel for few takes them, and the bytes of an input there.
PackFunction RowsFunction(const PackedWeights<int8_t>&, const MatmulCall& call, int64_t* bytes) {
  *bytes = 1;
  return call.x_is_u8 ? PackU8RowsAvx512 : QuantizeRowsAvx512;
}
PackFunction RowsFunction(const PackedWeights<BFloat16>& weights, const MatmulCall&,
                          int64_t* bytes) {
  const bool pairs = weights.layout == Layout::kPairs;
  *bytes = pairs ? 2 : 4;
  return pairs ? RoundRowsAvx512Bf16 : RoundRowsAvx512;
}

bool HasNonFinite(const float* x, int64_t stride, int64_t rows, int64_t inputs) {
  // An exponent of all ones, looked for in a way that vectorises without AVX.
  int32_t found = 0;
  for (int64_t row = 0; row < rows; ++row) {
    for (int64_t k = 0; k < inputs; ++k) {
      int32_t bits;
      std::memcpy(&bits, x + row * stride + k, sizeof(bits));
      found |= (bits & 0x7fffffff) > 0x7f7fffff;
    }
  }
  return found != 0;
}

}  // namespace

template <typename T>
const std::vector<FewRowsKernel<T>>& FewRowsKernels() {
  static const std::vector<FewRowsKernel<T>> kernels = [] {
    std::vector<FewRowsKernel<T>> rows;
#define TFSPARSE_FEW_ROWS(weights, path, layout, height, most_rows, cost, function) \
  Add<T, weights>(rows, Path::path, Layout::layout, height, most_rows, cost, function);
#include "custom_ops/kernels/few_rows.inc"
#undef TFSPARSE_FEW_ROWS
    return rows;
  }();
  return kernels;
}

template <typename T>
const FewRowsKernel<T>* SelectFewRows(Path path, int64_t block_out, int64_t block_in,
                                      const Kernel<T>& many) {
  const FewRowsKernel<T>* best = nullptr;
  for (const FewRowsKernel<T>& kernel : FewRowsKernels<T>()) {
    if (!Includes(path, kernel.path)) continue;
    if (kernel.layout == Layout::kQuads && block_in % 4 != 0) continue;
    if (kernel.layout == Layout::kPairs && block_in % 2 != 0) continue;
    if (kernel.layout == Layout::kWindows && block_in % 4 == 0) continue;
    if (kernel.layout == many.layout && kernel.height == many.height) return &kernel;
    if (best == nullptr || Cost(kernel, block_out) < Cost(*best, block_out)) best = &kernel;
  }
  return best;
}

template <typename T>
struct FewRowsMatmul<T>::Task {
  const MatmulCall& call;
  const OutputConstants<T>& constants;
  const void* x = nullptr;
  int64_t stride = 0;  // bytes
};

template <typename T>
FewRowsMatmul<T>::FewRowsMatmul(const FewRowsKernel<T>& kernel, const BlockSparseMatrix<T>& matrix,
                                const PreparedMatmul<T>& many, const Threads& threads)
    : kernel_(kernel),
      most_rows_(many.weights.layout == Layout::kMergedQuads
                     ? std::min(kernel.most_rows, kMostRowsBesideAmx)
                     : kernel.most_rows),
      own_weights_(kernel.layout == many.weights.layout && kernel.height == many.weights.height
                       ? nullptr
                       : std::make_unique<const PackedWeights<T>>(
                             Pack(matrix, kernel.layout, kernel.height, threads))),
      weights_(own_weights_ ? *own_weights_ : many.weights),
      weight_sums_(many.sums) {
  const int64_t bytes = int64_t{kernel.height} * weights_.group_values() * sizeof(T);
  work_.reserve(weights_.strips.size() + 1);
  work_.push_back(0);
  for (const Strip& strip : weights_.strips) {
    work_.push_back(work_.back() + strip.groups * bytes / 64 + kStripOverhead);
  }
}

template <typename T>
int64_t FewRowsMatmul<T>::FirstOutput(int64_t strip) const {
  return strip == static_cast<int64_t>(weights_.strips.size()) ? weights_.out
                                                               : weights_.strips[strip].out;
}

template <typename T>
int64_t FewRowsMatmul<T>::Parts(int64_t rows, int threads) const {
  return std::max<int64_t>(1, std::min<int64_t>(threads, work_.back() * rows / kMinWork));
}

template <typename T>
void FewRowsMatmul<T>::Run(const MatmulCall& call, const Threads& threads) const {
  Task task = {call, OutputConstants<T>::Of(weight_sums_, weights_.out, call)};
  const bool non_finite = TakeRows(task);
  const int64_t parts = Parts(call.rows, threads.count);
  threads.Run(parts, work_.back() * call.rows / parts, [&](int64_t first, int64_t last) {
    const int64_t begin = BalancedCut(work_, first, parts), end = BalancedCut(work_, last, parts);
    if (begin < end) MultiplyStrips(task, begin, end);
  });
  if constexpr (!std::is_same_v<T, int8_t>) {
    if (non_finite) {
      SpreadNonFiniteRows(weights_, 0, static_cast<int64_t>(weights_.strips.size()), weights_.out,
                          static_cast<const float*>(call.x), call.x_step(weights_.in), call.rows,
                          static_cast<float*>(call.y), call.y_step(weights_.out));
    }
  }
}

// Float x by float weights is read where it is. Returns whether some element of it is not finite.
template <typename T>
bool FewRowsMatmul<T>::TakeRows(Task& task) const {
  const MatmulCall& call = task.call;
  if constexpr (std::is_same_v<T, float>) {
    task.x = call.x;
    task.stride = call.x_step(weights_.in) * static_cast<int64_t>(sizeof(float));
    return HasNonFinite(static_cast<const float*>(call.x), call.x_step(weights_.in), call.rows,
                        weights_.in);
  } else {
    int64_t bytes;
    const PackFunction pack = RowsFunction(weights_, call, &bytes);
    task.stride = (weights_.in + 63) / 64 * 64 * bytes + kFewRowsPadding;
    AlignedBuffer<uint8_t>& rows = Scratch::OfThisThread().rows;
    rows.Reserve(call.rows * task.stride);
    task.x = rows.data();
    if (weights_.in == 0) return false;  // no x, which may be null then
    PackArgs args = {};
    args.x = call.x;
    args.stride = call.x_step(weights_.in);
    args.inputs = weights_.in;
    args.rows = call.rows;
    args.inv_scale = 1 / call.x_scale;
    args.zero_point = call.x_zero_point;
    args.tile = rows.data();
    return pack(args);
  }
}

template <typename T>
void FewRowsMatmul<T>::MultiplyStrips(const Task& task, int64_t begin, int64_t end) const {
  const int64_t rows = task.call.rows;
  constexpr int64_t kStride = kFewRowsChunk + kChunkRoom;
  AlignedBuffer<int32_t>& sums = Scratch::OfThisThread().sums;
  sums.Reserve(rows * kStride);
  FewRowsArgs args = {};
  args.x = task.x;
  args.stride = task.stride;
  args.columns = weights_.columns.data();
  args.values = weights_.values.data();
  args.sums = sums.data();
  args.sums_stride = kStride;
  const FewRowsFunction multiply = kernel_.function(kernel_.height, static_cast<int>(rows));
  for (int64_t s = begin; s < end;) {
    const int64_t output = weights_.strips[s].out;
    int64_t next = s + 1;
    while (next < end && FirstOutput(next + 1) - output <= kFewRowsChunk) ++next;
    args.strips = &weights_.strips[s];
    args.num_strips = next - s;
    args.first_out = static_cast<int32_t>(output);
    args.init = task.constants.init.data() + output;
    multiply(args);
    Finish(task, sums.data(), output, FirstOutput(next));
    s = next;
  }
}

template <typename T>
void FewRowsMatmul<T>::Finish(const Task& task, const void* sums, int64_t output,
                              int64_t end) const {
  const MatmulCall& call = task.call;
  OutputArgs args = {};
  args.acc = sums;
  args.acc_stride = kFewRowsChunk + kChunkRoom;
  args.rows = call.rows;
  args.outputs = end - output;
  args.scale = task.constants.scale.data() + output;
  args.bias = task.constants.bias.data() + output;
  args.activation = call.activation;
  args.residual = call.residual_at(output);
  args.residual_stride = call.y_step(weights_.out);
  args.residual_is_u8 = call.residual_is_u8;
  args.residual_scale = call.scale_of_residual();
  args.residual_zero_point = call.offset_of_residual();
  args.inv_y_scale = call.folds_y_scale() ? 1.0f : 1 / call.y_scale;
  args.y_zero_point = call.y_zero_point;
  args.y = call.y_at(output);
  args.y_stride = call.y_step(weights_.out);
  if constexpr (std::is_same_v<T, int8_t>) {
    (call.y_is_u8 ? FewRowsOutputS32ToU8Avx512 : FewRowsOutputS32ToF32Avx512)(args);
  } else {
    FewRowsOutputF32Avx512(args);
  }
}

template const std::vector<FewRowsKernel<float>>& FewRowsKernels();
template const std::vector<FewRowsKernel<BFloat16>>& FewRowsKernels();
template const std::vector<FewRowsKernel<int8_t>>& FewRowsKernels();
template const FewRowsKernel<float>* SelectFewRows(Path, int64_t, int64_t, const Kernel<float>&);
template const FewRowsKernel<BFloat16>* SelectFewRows(Path, int64_t, int64_t,
                                                      const Kernel<BFloat16>&);
template const FewRowsKernel<int8_t>* SelectFewRows(Path, int64_t, int64_t, const Kernel<int8_t>&);
template class FewRowsMatmul<float>;
template class FewRowsMatmul<BFloat16>;
template class FewRowsMatmul<int8_t>;

}  // namespace tfsparse
