#ifndef TFSPARSE_CUSTOM_OPS_INTERACTION_INTERACTION_GROUP_H_
#define TFSPARSE_CUSTOM_OPS_INTERACTION_INTERACTION_GROUP_H_

// As many items at a time as a register has lanes, over operands P (interaction_operands.h).
//
// Each item has a lane. So a tile of 4 by 4 dots has no lane that is not wanted, as the triangle of
// one item in lanes would have (interaction_item.h), and scales are applied to all items at once.
// Rows are put into lanes by transpositions, as many as there; dots are put back into rows of y by
// further ones, which are few.
//
// This is text for files of one instruction set, not to be linked.

#include <cstdint>

#include "custom_ops/interaction/interaction_args.h"
#include "custom_ops/interaction/interaction_group_dots.h"
#include "custom_ops/interaction/interaction_item.h"

namespace tfsparse {
namespace {

#define TFSPARSE_MEMBER inline __attribute__((always_inline))
#define TFSPARSE_INLINE static TFSPARSE_MEMBER

template <class P>
struct Group {
  using Vec = typename P::Vec;
  using F32 = typename Vec::F32;
  using I32 = typename Vec::I32;
  static constexpr int L = Vec::kLanes;

  // What SetFeatures is given for item i.
  static InteractionScratch ScratchOf(const InteractionArgs& args,
                                      const InteractionScratch& scratch, int64_t i) {
    InteractionScratch of_item = scratch;
    of_item.values += i * args.features * args.value_pitch;
    of_item.features += i * args.features;
    of_item.rows += i * args.operands * args.row_pitch;
    of_item.stride = L;
    of_item.row_at += i;
    of_item.scales += i;
    of_item.shifts += i;
    return of_item;
  }

  // A single row of each item as an operand, as it lies.
  static void SetRows(const InteractionArgs& args, const InteractionItem* items,
                      const InteractionScratch& scratch, int64_t f) {
    const LookupTable table = args.tables[f - 1];
    const BlockRows& block = *items->block;
    const int64_t* rows = block.rows + block.first[(f - 1) * kFirstPitch + items->index];
    const int64_t at = args.operand_of[f] * int64_t{L};
    const void** row_at = scratch.row_at + at;
    for (int i = 0; i < L; ++i) row_at[i] = table.data + rows[i] * table.row_size;
    if constexpr (P::kIsInt) {
      float* scales = scratch.scales + at;
      for (int i = 0; i < L; ++i) scales[i] = table.scales[rows[i] * table.scale_step];
      Vec::StoreInts(scratch.shifts + at, Vec::Zero());
    }
  }

  static void SetFeatures(const InteractionArgs& of_call, const InteractionItem* items,
                          const InteractionScratch& scratch) {
    const InteractionArgs args = of_call;
    InteractionScratch of_item[L];
    for (int i = 0; i < L; ++i) {
      of_item[i] = ScratchOf(args, scratch, i);
      Item<P>::SetDense(args, items[i], of_item[i]);
    }
    const bool is_whole = args.depth % P::kInLane == 0;
    for (int64_t f = 1; f < args.features; ++f) {
      if (P::kIsRaw && is_whole && args.tables[f - 1].has_single_rows && args.operand_of[f] >= 0 &&
          args.is_copied[f] == 0) {
        SetRows(args, items, scratch, f);
      } else {
        for (int i = 0; i < L; ++i) Item<P>::SetLookup(args, items[i], of_item[i], f);
      }
    }
  }

  // Columns that wait to be put into rows of y.
  template <bool kBytes>
  struct Pending {
    Pending(const InteractionArgs& args, const InteractionItem* of) : columns(args), items(of) {
      for (I32& each : block) each = Vec::Zero();
    }

    TFSPARSE_MEMBER void Add(F32 v) {
      block[count++] = Vec::AsInts(v);
      if (count == L) Flush();
    }
    // Writes beyond the last of them, where the next segment is written later.
    void Flush() {
      if (count == 0) return;
      Vec::Transpose(block);
      for (int i = 0; i < L; ++i) columns.Write(items[i].y, first, Vec::AsFloats(block[i]));
      first += count;
      count = 0;
    }

    const typename Item<P>::template Columns<kBytes> columns;
    const InteractionItem* const items;
    I32 block[L];
    int64_t first = 0;  // column
    int count = 0;
  };

  template <bool kBytes>
  static void WriteColumns(const InteractionArgs& args, const InteractionItem* items,
                           const InteractionScratch& of_thread) {
    const InteractionScratch scratch = of_thread;
    Pending<kBytes> pending(args, items);
    for (int64_t s = 0; s < args.segment_count; ++s) {
      const InteractionSegment segment = args.segments[s];
      if (segment.kind == InteractionSegment::kCopy) {
        pending.Flush();
        for (int64_t i = 0; i < L; ++i) {
          Item<P>::WriteCopy(scratch.features[i * args.features + segment.first], segment,
                             pending.columns, items[i].y);
        }
        pending.first += segment.size;
        continue;
      }
      if (segment.kind == InteractionSegment::kZeros) {
        for (int64_t c = 0; c < segment.size; ++c) pending.Add(Vec::Broadcast(0.0f));
        continue;
      }
      const typename GroupDots<P>::Row dots(args, scratch, segment.first);
      for (int64_t c = 0; c < segment.size; ++c) pending.Add(dots.With(segment.second + c));
    }
    pending.Flush();
  }

  static void Run(const InteractionArgs& args, const InteractionItem* items,
                  const InteractionScratch& scratch) {
    SetFeatures(args, items, scratch);
    GroupDots<P>::Fill(args, scratch, items);
    if (args.y_is_u8) {
      WriteColumns<true>(args, items, scratch);
    } else {
      WriteColumns<false>(args, items, scratch);
    }
  }
};

template <class P>
constexpr InteractionKernel KernelOf() {
  return {Item<P>::Run, Group<P>::Run, Group<P>::L};
}

#undef TFSPARSE_MEMBER
#undef TFSPARSE_INLINE

}  // namespace
}  // namespace tfsparse

#endif  // TFSPARSE_CUSTOM_OPS_INTERACTION_INTERACTION_GROUP_H_
