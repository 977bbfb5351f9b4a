#include "custom_ops/engine/gemv.h"

#include <algorithm>
#include <cstring>
#include <type_traits>

#include "custom_ops/base/balanced_cut.h"
#include "custom_ops/engine/epilogue_args.h"
#include "custom_ops/engine/epilogue_constants.h"
#include "custom_ops/engine/non_finite.h"
#include "custom_ops/engine/workspace.h"

namespace tfsparse {
namespace {

// Fewer registers of weights times rows than this are not worth another thread.
constexpr int64_t kMinWork = 1 << 13;

// AMX multiplies 16 rows in about the time that these kernels take for six.
constexpr int kMaxRowsBesideAmx = 4;

// A panel costs about as many registers of weights beside its own.
constexpr int64_t kPanelOverhead = 8;

// Outputs whose sums are kept in the first level of cache.
constexpr int64_t kGemvNBlock = 256;

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
struct Gemv<T>::Task {
  const LayerCall& call;
  EpilogueConstants<T> constants;
  const void* x = nullptr;
  int64_t stride = 0;  // bytes
};

template <typename T>
Gemv<T>::Gemv(const GemvKernel<T>& kernel, const BlockSparseMatrix<T>& matrix,
              const PackedLayer<T>& many, const Threads& threads)
    : kernel_(kernel),
      functions_(SelectGemvFunctions(kernel)),
      max_rows_(many.weights.format.packing == WeightPacking::kAmxTiles
                    ? std::min(kernel.max_rows, kMaxRowsBesideAmx)
                    : kernel.max_rows),
      own_weights_(
          kernel.format == many.weights.format
              ? nullptr
              : std::make_unique<const PackedWeights<T>>(Pack(matrix, kernel.format, threads))),
      weights_(own_weights_ ? *own_weights_ : many.weights),
      weight_sums_(many.weight_sums) {
  const int64_t bytes = int64_t{kernel.format.nr} * weights_.group_values() * sizeof(T);
  work_.reserve(weights_.panels.size() + 1);
  work_.push_back(0);
  for (const Panel& panel : weights_.panels) {
    work_.push_back(work_.back() + panel.groups * bytes / 64 + kPanelOverhead);
  }
}

template <typename T>
int64_t Gemv<T>::FirstOutput(int64_t panel) const {
  return panel == static_cast<int64_t>(weights_.panels.size()) ? weights_.out
                                                               : weights_.panels[panel].out;
}

template <typename T>
int64_t Gemv<T>::Parts(int64_t rows, int threads) const {
  return std::max<int64_t>(1, std::min<int64_t>(threads, work_.back() * rows / kMinWork));
}

template <typename T>
void Gemv<T>::Run(const LayerCall& call, const Threads& threads) const {
  Task task = {call, EpilogueConstants<T>::Of(weight_sums_, weights_.out, call)};
  const bool non_finite = TakeRows(task);
  const int64_t parts = Parts(call.rows, threads.count);
  threads.Run(parts, work_.back() * call.rows / parts, [&](int64_t first, int64_t last) {
    const int64_t begin = BalancedCut(work_, first, parts), end = BalancedCut(work_, last, parts);
    if (begin < end) MultiplyPanels(task, begin, end);
  });
  if constexpr (!std::is_same_v<T, int8_t>) {
    if (non_finite) {
      SpreadNonFiniteRows(weights_, 0, static_cast<int64_t>(weights_.panels.size()), weights_.out,
                          static_cast<const float*>(call.x.data), call.x.step(weights_.in),
                          call.rows, static_cast<float*>(call.y.data), call.y.step(weights_.out));
    }
  }
}

// Float x by float weights is read where it is. Returns whether some element of it is not finite.
template <typename T>
bool Gemv<T>::TakeRows(Task& task) const {
  const LayerCall& call = task.call;
  if constexpr (std::is_same_v<T, float>) {
    task.x = call.x.data;
    task.stride = call.x.step(weights_.in) * static_cast<int64_t>(sizeof(float));
    return HasNonFinite(static_cast<const float*>(call.x.data), call.x.step(weights_.in), call.rows,
                        weights_.in);
  } else {
    const PackFunction pack = call.x.is_u8 ? functions_.pack_u8 : functions_.pack_f32;
    task.stride = (weights_.in + 63) / 64 * 64 * functions_.element_bytes + kGemvPadding;
    AlignedBuffer<uint8_t>& rows = Workspace::OfThisThread().gemv_rows;
    rows.Reserve(call.rows * task.stride);
    task.x = rows.data();
    if (weights_.in == 0) return false;  // no x, which may be null then
    PackArgs args = {};
    args.x = call.x.data;
    args.stride = call.x.step(weights_.in);
    args.inputs = weights_.in;
    args.rows = call.rows;
    args.inv_scale = 1 / call.quantization.x_scale;
    args.zero_point = call.quantization.x_zero_point;
    args.tile = rows.data();
    return pack(args);
  }
}

template <typename T>
void Gemv<T>::MultiplyPanels(const Task& task, int64_t begin, int64_t end) const {
  const int64_t rows = task.call.rows;
  constexpr int64_t kStride = kGemvNBlock + kPaddedNBlock;
  AlignedBuffer<int32_t>& acc = Workspace::OfThisThread().accumulators;
  acc.Reserve(rows * kStride);
  GemvArgs args = {};
  args.x = task.x;
  args.stride = task.stride;
  args.columns = weights_.columns.data();
  args.values = weights_.values.data();
  args.acc = acc.data();
  args.acc_stride = kStride;
  const GemvFunction multiply = kernel_.function(kernel_.format.nr, static_cast<int>(rows));
  for (int64_t s = begin; s < end;) {
    const int64_t output = weights_.panels[s].out;
    int64_t next = s + 1;
    while (next < end && FirstOutput(next + 1) - output <= kGemvNBlock) ++next;
    args.panels = &weights_.panels[s];
    args.num_panels = next - s;
    args.first_out = static_cast<int32_t>(output);
    args.acc_init = task.constants.acc_init + output;
    multiply(args);
    Finish(task, acc.data(), output, FirstOutput(next));
    s = next;
  }
}

template <typename T>
void Gemv<T>::Finish(const Task& task, const void* acc, int64_t output, int64_t end) const {
  const LayerCall& call = task.call;
  EpilogueArgs args = MakeEpilogueArgs(call, task.constants, output, end, weights_.out);
  args.acc = acc;
  args.acc_stride = kGemvNBlock + kPaddedNBlock;
  args.rows = call.rows;
  SetResidual(call, call.epilogue.residual.at(output), &args);
  args.y = call.y.at(output);
  (call.y.is_u8 ? functions_.epilogue_u8 : functions_.epilogue_f32)(args);
}

template class Gemv<float>;
template class Gemv<BFloat16>;
template class Gemv<int8_t>;

}  // namespace tfsparse
