#include "custom_ops/norm/normalization.h"

#include <algorithm>
#include <cmath>

#include "custom_ops/base/aligned_buffer.h"
#include "custom_ops/engine/quantization_checks.h"
#include "custom_ops/norm/normalize_avx2.h"
#include "custom_ops/norm/normalize_avx512.h"
#include "custom_ops/norm/normalize_portable.h"

namespace tfsparse {
namespace {

NormalizeFunction ChooseFunction(Isa isa) {
  if (Includes(isa, Isa::kAvx512)) return NormalizeAvx512;
  if (Includes(isa, Isa::kAvx2)) return NormalizeAvx2;
  return NormalizePortable;
}

// What a kernel needs of a thread's memory: some rows, and what stands for factors and summands
// that are not there.
struct Scratch {
  AlignedBuffer<float> rows, ones, zeros;
};

NormalizeArgs ArgsOf(const NormalizationCall& call, Scratch* scratch) {
  NormalizeArgs args = {};
  args.size = call.size;
  args.centers = call.centers;
  args.epsilon = call.epsilon;
  args.gamma = call.gamma;
  args.beta = call.beta;
  if (args.gamma == nullptr) {
    if (scratch->ones.size() < call.size) {
      scratch->ones.Reserve(call.size);
      std::fill_n(scratch->ones.data(), call.size, 1.0f);
    }
    args.gamma = scratch->ones.data();
  }
  if (args.beta == nullptr) {
    scratch->zeros.Reserve(call.size);
    args.beta = scratch->zeros.data();
  }
  if (call.residual != nullptr) {
    scratch->rows.Reserve(call.size <= kMaxTogether ? kRowsTogether * call.size : call.size);
  }
  args.scratch = scratch->rows.data();
  args.inv_y_scale = 1 / call.y_scale;
  args.y_zero_point = call.y_zero_point;
  return args;
}

template <class T>
T* RowOf(T* data, int64_t row, int64_t size) {
  return data == nullptr ? nullptr : data + row * size;
}

}  // namespace

Status ValidateNormalization(const NormalizationCall& call) {
  if (!(call.epsilon >= 0) || !std::isfinite(call.epsilon)) {
    return Status::Invalid("`epsilon` should be finite and at least 0. Received: epsilon=",
                           call.epsilon);
  }
  if (Status status = CheckScale("y_scale", call.y_scale); !status.ok()) return status;
  return CheckZeroPoint("y_zero_point", call.y_zero_point);
}

void Normalize(const NormalizationCall& call, Isa isa, const Threads& threads) {
  if (call.rows == 0 || call.size == 0) return;
  const NormalizeFunction function = ChooseFunction(isa);
  // Rows of an item: as many as are worth handing out.
  constexpr int64_t kElements = 1 << 12, kElementsPerCycle = 4;
  const int64_t rows = 1 + kElements / call.size, items = (call.rows + rows - 1) / rows;
  threads.Run(items, rows * call.size / kElementsPerCycle, [&](int64_t begin, int64_t end) {
    thread_local Scratch scratch;
    NormalizeArgs args = ArgsOf(call, &scratch);
    const int64_t first = begin * rows, last = std::min(call.rows, end * rows);
    args.rows = last - first;
    args.x = RowOf(call.x, first, call.size);
    args.residual = RowOf(call.residual, first, call.size);
    args.sum = RowOf(call.sum, first, call.size);
    args.y = RowOf(call.y, first, call.size);
    args.y_u8 = RowOf(call.y_u8, first, call.size);
    function(args);
  });
}

}  // namespace tfsparse
