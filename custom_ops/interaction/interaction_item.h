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

#define TFSPARSE_MEMBER inline __attribute__((always_inline))
#define TFSPARSE_INLINE static TFSPARSE_MEMBER

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

  TFSPARSE_INLINE TableRow RowOf(const LookupTable& table, int64_t row) {
    return {table.data + row * table.row_size, table.scales + row * table.scale_step};
  }

  // The sum of a bag, in the order of its rows.
  static const float* Bag(const InteractionArgs& args, int64_t feature, const int64_t* rows,
                          int64_t count, float* to) {
    const LookupTable& table = args.tables[feature - 1];
    const Combiner combiner = args.combiners[feature];
    const float n = static_cast<float>(count);
    const auto divisor = Vec::Broadcast(combiner == Combiner::kMean ? n : __builtin_sqrtf(n));
    const bool divides = count > 1 && combiner != Combiner::kSum;
    const int64_t width = args.widths[feature];
    for (int64_t d = 0; d < width; d += L) {
      F32 sum = Vec::Broadcast(0.0f);
      for (int64_t r = 0; r < count; ++r) {
        const F32 values = P::LoadValues(RowOf(table, rows[r]), d, width - d);
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

  TFSPARSE_INLINE void SetScale(const InteractionScratch& scratch, int64_t o, float scale,
                                int32_t shift) {
    scratch.scales[o * scratch.stride] = scale;
    scratch.shifts[o * scratch.stride] = shift;
  }

  // A row of a table as an operand: as it lies, if it can be.
  TFSPARSE_INLINE void SetRow(const InteractionArgs& args, const InteractionScratch& scratch,
                              const TableRow& row, bool is_whole, int64_t o) {
    if constexpr (P::kIsInt) SetScale(scratch, o, *row.scale, 0);
    if (P::kIsRaw && is_whole) {
      scratch.row_at[o * scratch.stride] = row.data;
      return;
    }
    unsigned char* to = scratch.rows + o * args.row_pitch;
    scratch.row_at[o * scratch.stride] = to;
    P::CopyRow(row, args.depth, to);
    EndGroup(args, to);
  }

  // Floats, or a uint8 dense vector where operands are integers, as an operand.
  static void SetFloats(const InteractionArgs& args, const InteractionScratch& scratch,
                        const float* floats, const void* bytes, int64_t o) {
    unsigned char* to = scratch.rows + o * args.row_pitch;
    scratch.row_at[o * scratch.stride] = to;
    const int64_t depth = args.depth;
    if constexpr (!P::kIsInt) {
      for (int64_t d = 0; d < depth; d += L) {
        P::StoreFloats(to, d, Vec::LoadSome(floats + d, depth - d));
      }
    } else if (bytes != nullptr) {
      const int32_t shift = P::kHasShifts ? args.dense_zero_point - 128 : 0;
      CopyBytes(bytes, depth, shift - args.dense_zero_point, to);
      SetScale(scratch, o, args.dense_scale, shift);
    } else {
      SetScale(scratch, o, Quantize(floats, depth, to), 0);
    }
    EndGroup(args, to);
  }

  // Zeros behind a last group that is cut.
  TFSPARSE_INLINE void EndGroup(const InteractionArgs& args, unsigned char* to) {
    for (int64_t i = args.depth * (4 / P::kInLane); i % 4 != 0; ++i) to[i] = 0;
  }

  static void SetDense(const InteractionArgs& args, const InteractionItem& item,
                       const InteractionScratch& scratch) {
    const int32_t o = args.operand_of[0];
    const bool takes_bytes = P::kIsInt && args.dense_is_u8;
    const float* floats = nullptr;
    if (args.is_copied[0] != 0 || (o >= 0 && !takes_bytes)) {
      floats = Dense(args, item.dense, scratch.values);
    }
    scratch.features[0] = {{nullptr, nullptr}, floats};
    if (o >= 0) SetFloats(args, scratch, floats, takes_bytes ? item.dense : nullptr, o);
  }

  // Feature f, which is not the dense vector.
  TFSPARSE_INLINE void SetLookup(const InteractionArgs& args, const InteractionItem& item,
                                 const InteractionScratch& scratch, int64_t f) {
    const int64_t* first = item.block->first + (f - 1) * kFirstPitch + item.index;
    const int64_t* rows = item.block->rows + first[0];
    const int64_t count = first[1] - first[0];
    const int32_t o = args.operand_of[f];
    FeatureValues& values = scratch.features[f];
    if (count == 1) {
      values = {RowOf(args.tables[f - 1], *rows), nullptr};
      if (o >= 0) SetRow(args, scratch, values.row, args.depth % P::kInLane == 0, o);
    } else if (o >= 0 || args.is_copied[f] != 0) {
      float* to = scratch.values + f * args.value_pitch;
      values = {{nullptr, nullptr}, Bag(args, f, rows, count, to)};
      if (o >= 0) SetFloats(args, scratch, values.floats, nullptr, o);
    }
  }

  static void SetFeatures(const InteractionArgs& of_call, const InteractionItem& item,
                          const InteractionScratch& of_thread) {
    // Copies, which the compiler knows that no store changes.
    const InteractionArgs args = of_call;
    const InteractionScratch scratch = of_thread;
    SetDense(args, item, scratch);
    for (int64_t f = 1; f < args.features; ++f) SetLookup(args, item, scratch, f);
  }

  // A register of y, at a column. It may reach beyond its segment, where the next one is written
  // later, but not beyond the row.
  template <bool kBytes>
  struct Columns {
    explicit Columns(const InteractionArgs& args)
        : end(args.columns),
          inv_scale(Vec::Broadcast(args.inv_y_scale)),
          low(Vec::Broadcast(static_cast<float>(-args.y_zero_point))),
          high(Vec::Broadcast(static_cast<float>(255 - args.y_zero_point))),
          zero_point(Vec::Broadcast(args.y_zero_point)) {}

    TFSPARSE_MEMBER void Write(void* y, int64_t column, F32 v) const {
      if constexpr (kBytes) {
        const F32 scaled = Vec::Max(Vec::Multiply(v, inv_scale), low);  // low for NaN
        const auto q = Vec::Add(Vec::Round(Vec::Min(scaled, high)), zero_point);
        Vec::StoreBytes(static_cast<uint8_t*>(y) + column, q, end - column);
      } else {
        Vec::StoreSome(static_cast<float*>(y) + column, v, end - column);
      }
    }

    const int64_t end;
    const F32 inv_scale, low, high;
    const typename Vec::I32 zero_point;
  };

  template <bool kBytes>
  static void WriteCopy(const FeatureValues& values, const InteractionSegment& segment,
                        const Columns<kBytes>& columns, void* y) {
    for (int64_t c = 0; c < segment.size; c += L) {
      columns.Write(y, segment.column + c,
                    values.floats == nullptr ? P::LoadValues(values.row, c, segment.size - c)
                                             : Vec::LoadSome(values.floats + c, segment.size - c));
    }
  }

  template <bool kBytes>
  static void WriteColumns(const InteractionArgs& args, const InteractionScratch& scratch,
                           void* y) {
    const Columns<kBytes> columns(args);
    const InteractionSegment* const end = args.segments + args.segment_count;
    const float* const all_dots = scratch.dots;
    const int64_t pitch = args.operand_pitch;
    for (const InteractionSegment* each = args.segments; each != end; ++each) {
      const InteractionSegment segment = *each;
      if (segment.kind == InteractionSegment::kCopy) {
        WriteCopy(scratch.features[segment.first], segment, columns, y);
        continue;
      }
      const float* dots = all_dots + segment.first * pitch + segment.second;
      const bool is_zero = segment.kind == InteractionSegment::kZeros;
      for (int64_t c = 0; c < segment.size; c += L) {
        columns.Write(y, segment.column + c,
                      is_zero ? Vec::Broadcast(0.0f) : Vec::LoadSome(dots + c, L));
      }
    }
  }

  static void Run(const InteractionArgs& args, const InteractionItem& item,
                  const InteractionScratch& scratch) {
    SetFeatures(args, item, scratch);
    Ahead ahead(args, item);
    Dots<P>::Run(args, scratch, &ahead);
    ahead.Rest();
    if (args.y_is_u8) {
      WriteColumns<true>(args, scratch, item.y);
    } else {
      WriteColumns<false>(args, scratch, item.y);
    }
  }
};

#undef TFSPARSE_MEMBER
#undef TFSPARSE_INLINE

}  // namespace
}  // namespace tfsparse

#endif  // TFSPARSE_CUSTOM_OPS_INTERACTION_INTERACTION_ITEM_H_
