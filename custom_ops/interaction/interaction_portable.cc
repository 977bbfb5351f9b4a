// The definition. Kernels have its bits where tables are int8, and elsewhere but for the order in
// which a dot is summed up.

#include "custom_ops/interaction/interaction_portable.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "custom_ops/base/bfloat16.h"
#include "custom_ops/kernels/quantize.h"

namespace tfsparse {
namespace {

// Greater values are quantized, smaller ones are zeros: 127 over them might be infinite.
constexpr float kLeastMax = 1e-30f;

float ElementOf(TableType type, const TableRow& row, int64_t d) {
  switch (type) {
    case TableType::kF32:
      return static_cast<const float*>(row.data)[d];
    case TableType::kBf16:
      return static_cast<const BFloat16*>(row.data)[d].ToFloat();
    case TableType::kS8:
      return static_cast<float>(static_cast<const int8_t*>(row.data)[d]) * *row.scale;
  }
  return 0;
}

void FillDense(const InteractionArgs& args, const void* dense, float* value) {
  for (int64_t d = 0; d < args.widths[0]; ++d) {
    if (args.dense_is_u8) {
      const int32_t q = static_cast<const uint8_t*>(dense)[d] - args.dense_zero_point;
      value[d] = static_cast<float>(q) * args.dense_scale;
    } else {
      value[d] = static_cast<const float*>(dense)[d];
    }
  }
}

void FillBag(const InteractionArgs& args, int64_t feature, const TableRow* rows, int64_t count,
             float* value) {
  const int64_t width = args.widths[feature];
  if (count == 0) std::fill_n(value, width, 0.0f);
  for (int64_t r = 0; r < count; ++r) {
    for (int64_t d = 0; d < width; ++d) {
      const float element = ElementOf(args.type, rows[r], d);
      value[d] = r == 0 ? element : value[d] + element;
    }
  }
  if (count <= 1 || args.combiners[feature] == Combiner::kSum) return;
  const float n = static_cast<float>(count);
  const float divisor = args.combiners[feature] == Combiner::kMean ? n : std::sqrt(n);
  for (int64_t d = 0; d < width; ++d) value[d] /= divisor;
}

// Of any value; gives the scale.
float Quantize(const float* value, int64_t width, int32_t* q) {
  float greatest = 0;
  bool is_finite = true;
  for (int64_t d = 0; d < width; ++d) {
    is_finite = is_finite && std::isfinite(value[d]);
    greatest = std::max(greatest, std::fabs(value[d]));
  }
  std::fill_n(q, width, 0);
  if (!is_finite) return std::numeric_limits<float>::quiet_NaN();
  if (greatest < kLeastMax) return 0;
  const float inverse = 127 / greatest;
  for (int64_t d = 0; d < width; ++d) {
    q[d] = static_cast<int32_t>(std::nearbyint(value[d] * inverse));
  }
  return greatest / 127;
}

// An operand of int8 tables; gives its scale.
float FillInts(const InteractionArgs& args, const InteractionItem& item, int64_t feature,
               const TableRow* rows, const float* value, int32_t* q) {
  const int64_t width = args.widths[feature];
  if (feature == 0 && args.dense_is_u8) {
    for (int64_t d = 0; d < width; ++d) {
      q[d] = static_cast<const uint8_t*>(item.dense)[d] - args.dense_zero_point;
    }
    return args.dense_scale;
  }
  if (feature > 0 && item.counts[feature - 1] == 1) {
    for (int64_t d = 0; d < width; ++d) q[d] = static_cast<const int8_t*>(rows->data)[d];
    return *rows->scale;
  }
  return Quantize(value, width, q);
}

// Each operand as 4 bytes an element: int32, or float.
void FillOperands(const InteractionArgs& args, const InteractionItem& item,
                  const InteractionScratch& scratch) {
  int64_t operand = 0;
  const TableRow* rows = item.rows;
  for (int64_t f = 0; f < args.features; ++f) {
    float* value = scratch.values + f * args.value_pitch;
    const int64_t count = f == 0 ? 0 : item.counts[f - 1];
    if (f > 0) {
      FillBag(args, f, rows, count, value);
    } else if (item.dense != nullptr) {
      FillDense(args, item.dense, value);
    }
    if (operand < args.operands && args.features_of[operand] == f) {
      unsigned char* at = scratch.rows + operand * args.row_pitch;
      if (args.type == TableType::kS8) {
        scratch.scales[operand] =
            FillInts(args, item, f, rows, value, reinterpret_cast<int32_t*>(at));
      } else {
        float* floats = reinterpret_cast<float*>(at);
        for (int64_t d = 0; d < args.depth; ++d) {
          const bool rounds = args.type == TableType::kBf16;
          floats[d] = rounds ? RoundToBFloat16(value[d]).ToFloat() : value[d];
        }
      }
      ++operand;
    }
    rows += count;
  }
}

template <class T, class Sum>
Sum DotOf(const InteractionArgs& args, const InteractionScratch& scratch, int64_t i, int64_t j) {
  const T* a = reinterpret_cast<const T*>(scratch.rows + i * args.row_pitch);
  const T* b = reinterpret_cast<const T*>(scratch.rows + j * args.row_pitch);
  Sum sum = 0;
  for (int64_t d = 0; d < args.depth; ++d) sum += a[d] * b[d];
  return sum;
}

float Dot(const InteractionArgs& args, const InteractionScratch& scratch, int64_t i, int64_t j) {
  if (args.type != TableType::kS8) return DotOf<float, float>(args, scratch, i, j);
  const float scale = scratch.scales[i] * scratch.scales[j];
  return static_cast<float>(DotOf<int32_t, int32_t>(args, scratch, i, j)) * scale;
}

}  // namespace

void InteractPortable(const InteractionArgs& args, const InteractionItem& item,
                      const InteractionScratch& scratch) {
  for (int64_t i = 0; i < item.line_count; ++i) __builtin_prefetch(item.lines[i]);
  FillOperands(args, item, scratch);
  float* y = args.y_is_u8 ? scratch.y : static_cast<float*>(item.y);
  for (int64_t s = 0; s < args.segment_count; ++s) {
    const InteractionSegment& segment = args.segments[s];
    float* at = y + segment.column;
    for (int64_t c = 0; c < segment.size; ++c) {
      switch (segment.kind) {
        case InteractionSegment::kDots:
          at[c] = Dot(args, scratch, segment.first, segment.second + c);
          break;
        case InteractionSegment::kCopy:
          at[c] = scratch.values[segment.first * args.value_pitch + c];
          break;
        case InteractionSegment::kZeros:
          at[c] = 0;
          break;
      }
    }
  }
  if (!args.y_is_u8) return;
  for (int64_t c = 0; c < args.columns; ++c) {
    static_cast<uint8_t*>(item.y)[c] = QuantizeU8(y[c], args.inv_y_scale, args.y_zero_point);
  }
}

}  // namespace tfsparse
