#ifndef TFSPARSE_CUSTOM_OPS_INTERACTION_INTERACTION_ITEM_H_
#define TFSPARSE_CUSTOM_OPS_INTERACTION_INTERACTION_ITEM_H_

// An item over operands P (interaction_operands.h): its values, its dots, its row of y.
//
// Dots of an item are a product of a small matrix [operands, depth] with its own transpose. One
// side is broadcast, from rows as they lie in tables; the other lies in lanes, one operand each, so
// that no sum is over the lanes of a register, and a row of dots is stored as it is. Putting rows
// into lanes costs a transposition: 27 rows of 128 bytes take a fifth of what their dots take.
//
// Only the tiles that have wanted dots are computed; of a lower triangle that is about 2/3 of the
// square with 16 lanes.
//
// This is text for files of one instruction set, not to be linked.

#include <cstdint>

#include "custom_ops/interaction/interaction_args.h"
#include "custom_ops/interaction/interaction_dots.h"

namespace tfsparse {
namespace {

#define TFSPARSE_INLINE static inline __attribute__((always_inline))

template <class P>
struct Item {
  using Vec = typename P::Vec;
  using F32 = typename Vec::F32;
  static constexpr int L = Vec::kLanes;

  // The dense vector as floats.
  static const float* Dense(const InteractionArgs& args, const void* dense, float* to) {
    if (!args.dense_is_u8) return static_cast<const float*>(dense);
    const auto scale = Vec::Broadcast(args.dense_scale);
    const auto shift = Vec::Broadcast(-args.dense_zero_point);
    for (int64_t d = 0; d < args.widths[0]; d += L) {
      const auto q = Vec::LoadBytes(static_cast<const uint8_t*>(dense) + d, args.widths[0] - d);
      Vec::Store(to + d, Vec::Multiply(Vec::ToFloats(Vec::Add(q, shift)), scale));
    }
    return to;
  }

  // The sum of a bag, in the order of its rows.
  static const float* Bag(const InteractionArgs& args, int64_t feature, const TableRow* rows,
                          int64_t count, float* to) {
    const Combiner combiner = args.combiners[feature];
    const float n = static_cast<float>(count);
    const auto divisor = Vec::Broadcast(combiner == Combiner::kMean ? n : __builtin_sqrtf(n));
    const bool divides = count > 1 && combiner != Combiner::kSum;
    const int64_t width = args.widths[feature];
    for (int64_t d = 0; d < width; d += L) {
      F32 sum = Vec::Broadcast(0.0f);
      for (int64_t r = 0; r < count; ++r) {
        const F32 values = P::LoadValues(rows[r], d, width - d);
        sum = r == 0 ? values : Vec::Add(sum, values);
      }
      Vec::Store(to + d, divides ? Vec::Divide(sum, divisor) : sum);
    }
    return to;
  }

  // Floats, quantized where operands are integers; gives the scale.
  static float Quantize(const float* values, int64_t depth, unsigned char* to) {
    F32 greatest = Vec::Broadcast(0.0f), zeros = greatest;
    for (int64_t d = 0; d < depth; d += L) {
      const F32 v = Vec::LoadSome(values + d, depth - d);
      greatest = Vec::Max(Vec::Abs(v), greatest);
      zeros = Vec::Add(Vec::Multiply(v, Vec::Broadcast(0.0f)), zeros);  // NaN if v is not finite
    }
    constexpr float kLeastMax = 1e-30f;  // as interaction_portable.cc has it
    const float max = Vec::MaxOfLanes(greatest);
    const bool is_finite = !Vec::AnyNan(zeros), is_zero = !is_finite || max < kLeastMax;
    const auto inverse = Vec::Broadcast(is_zero ? 0.0f : 127 / max);
    for (int64_t d = 0; d < depth; d += L) {
      const auto q = Vec::Round(Vec::Multiply(Vec::LoadSome(values + d, depth - d), inverse));
      P::StoreInts(to, d, is_zero ? Vec::Zero() : q);
    }
    if (!is_finite) return __builtin_nanf("");
    return is_zero ? 0.0f : max / 127;
  }

  // A uint8 dense vector as it lies, plus `shift`.
  static void CopyBytes(const void* bytes, int64_t depth, int32_t shift, unsigned char* to) {
    const auto shifts = Vec::Broadcast(shift);
    for (int64_t d = 0; d < depth; d += L) {
      const auto q = Vec::LoadBytes(static_cast<const uint8_t*>(bytes) + d, depth - d);
      P::StoreInts(to, d, Vec::Add(q, shifts));
    }
  }

  // Stores an operand, unless it lies in a table as it should; `values` are null for a single row.
  static void FillOperand(const InteractionArgs& args, const InteractionItem& item,
                          const InteractionScratch& scratch, const FeatureValues& values,
                          int64_t o) {
    constexpr int64_t kSize = 4 / P::kInLane;
    const int64_t depth = args.depth;
    if (P::kIsRaw && values.row != nullptr && depth % P::kInLane == 0) {
      scratch.row_at[o] = values.row->data;
      if constexpr (P::kIsInt) SetScale(scratch, o, *values.row->scale, 0);
      return;
    }
    unsigned char* to = scratch.rows + o * args.row_pitch;
    scratch.row_at[o] = to;
    if (values.row != nullptr) {
      P::CopyRow(*values.row, depth, to);
      if constexpr (P::kIsInt) SetScale(scratch, o, *values.row->scale, 0);
    } else if constexpr (P::kIsInt) {
      if (args.features_of[o] == 0 && args.dense_is_u8) {
        const int32_t shift = P::kHasShifts ? args.dense_zero_point - 128 : 0;
        CopyBytes(item.dense, depth, shift - args.dense_zero_point, to);
        SetScale(scratch, o, args.dense_scale, shift);
      } else {
        SetScale(scratch, o, Quantize(values.floats, depth, to), 0);
      }
    } else {
      for (int64_t d = 0; d < depth; d += L) {
        P::StoreFloats(to, d, Vec::LoadSome(values.floats + d, depth - d));
      }
    }
    for (int64_t i = depth * kSize; i % 4 != 0; ++i) to[i] = 0;
  }

  TFSPARSE_INLINE void SetScale(const InteractionScratch& scratch, int64_t o, float scale,
                                int32_t shift) {
    scratch.scales[o] = scale;
    scratch.shifts[o] = shift;
  }

  static void FillFeatures(const InteractionArgs& args, const InteractionItem& item,
                           const InteractionScratch& scratch) {
    const TableRow* rows = item.rows;
    int64_t o = 0;
    for (int64_t f = 0; f < args.features; ++f) {
      const int64_t count = f == 0 ? 0 : item.counts[f - 1];
      const bool is_operand = o < args.operands && args.features_of[o] == f;
      FeatureValues& values = scratch.features[f];
      values = {nullptr, nullptr};
      if (is_operand || args.is_copied[f] != 0) {
        float* to = scratch.values + f * args.value_pitch;
        if (count == 1) {
          values.row = rows;
        } else {
          values.floats = f == 0 ? Dense(args, item.dense, to) : Bag(args, f, rows, count, to);
        }
        if (is_operand) FillOperand(args, item, scratch, values, o++);
      }
      rows += count;
    }
  }

  // Values of a feature into y, which has room for a register more.
  static void Copy(const FeatureValues& values, int64_t width, float* y) {
    for (int64_t d = 0; d < width; d += L) {
      const F32 v = values.row != nullptr ? P::LoadValues(*values.row, d, width - d)
                                          : Vec::LoadSome(values.floats + d, width - d);
      Vec::StoreSome(y + d, v, L);
    }
  }

  // Segments in order: each may write beyond its end, where the next one begins.
  static void FillColumns(const InteractionArgs& args, const InteractionScratch& scratch) {
    for (int64_t s = 0; s < args.segment_count; ++s) {
      const InteractionSegment& segment = args.segments[s];
      float* y = scratch.y + segment.column;
      if (segment.kind == InteractionSegment::kCopy) {
        Copy(scratch.features[segment.first], segment.size, y);
        continue;
      }
      const float* dots = scratch.dots + segment.first * args.operand_pitch + segment.second;
      const bool is_zero = segment.kind == InteractionSegment::kZeros;
      for (int64_t c = 0; c < segment.size; c += L) {
        const F32 v = is_zero ? Vec::Broadcast(0.0f) : Vec::LoadSome(dots + c, L);
        Vec::StoreSome(y + c, v, L);
      }
    }
  }

  static void Write(const InteractionArgs& args, const float* from, void* to) {
    const auto inv_scale = Vec::Broadcast(args.inv_y_scale);
    const auto low = Vec::Broadcast(static_cast<float>(-args.y_zero_point));
    const auto high = Vec::Broadcast(static_cast<float>(255 - args.y_zero_point));
    const auto zero_point = Vec::Broadcast(args.y_zero_point);
    for (int64_t c = 0; c < args.columns; c += L) {
      const F32 v = Vec::Load(from + c);
      if (args.y_is_u8) {
        const auto scaled = Vec::Max(Vec::Multiply(v, inv_scale), low);  // low for NaN
        const auto q = Vec::Add(Vec::Round(Vec::Min(scaled, high)), zero_point);
        Vec::StoreBytes(static_cast<uint8_t*>(to) + c, q, args.columns - c);
      } else {
        Vec::StoreSome(static_cast<float*>(to) + c, v, args.columns - c);
      }
    }
  }

  static void Run(const InteractionArgs& args, const InteractionItem& item,
                  const InteractionScratch& scratch) {
    FillFeatures(args, item, scratch);
    Ahead ahead(args, item);
    Dots<P>::Run(args, scratch, &ahead);
    ahead.Rest();
    FillColumns(args, scratch);
    Write(args, scratch.y, item.y);
  }
};

#undef TFSPARSE_INLINE

}  // namespace
}  // namespace tfsparse

#endif  // TFSPARSE_CUSTOM_OPS_INTERACTION_INTERACTION_ITEM_H_
