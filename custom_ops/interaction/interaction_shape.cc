// What a call of the lookup interaction has to be, but for its ids.

#include <algorithm>
#include <string>

#include "custom_ops/engine/quantization_checks.h"
#include "custom_ops/interaction/lookup_interaction.h"

namespace tfsparse {
namespace {

Status CheckCount(const char* name, size_t count, int64_t wanted) {
  if (static_cast<int64_t>(count) == wanted) return {};
  return Status::Invalid("`", name, "` should be ", wanted, " tensors. Received: ", count);
}

Status CheckTables(const InteractionCall& call) {
  for (size_t t = 0; t < call.tables.size(); ++t) {
    const int64_t width = call.tables[t].width;
    if (width <= kMaxFeatureWidth) continue;
    return Status::Invalid("`tables[", t, "]` should be at most ", kMaxFeatureWidth,
                           " wide. Received: ", width);
  }
  if (!call.has_dense || call.dense_width <= kMaxFeatureWidth) return {};
  return Status::Invalid("`dense` should be at most ", kMaxFeatureWidth,
                         " wide. Received: ", call.dense_width);
}

Status CheckSplits(const InteractionInts& splits, int64_t number, int64_t batch, int64_t ids) {
  if (splits.size - 1 != batch) {
    return Status::Invalid("`row_splits[", number, "]` should have ", batch,
                           " + 1 elements, for as many items. Received: ", splits.size);
  }
  int64_t last = 0;
  for (int64_t b = 0; b <= batch; ++b) {
    const int64_t split = splits[b];
    if (split >= last && (b > 0 || split == 0)) {
      last = split;
      continue;
    }
    return Status::Invalid("`row_splits[", number, "]` should begin with 0 and never fall.",
                           " Received: ", split, " at index ", b);
  }
  if (last == ids) return {};
  return Status::Invalid("`row_splits[", number, "]` should end with ", ids,
                         ", the number of ids. Received: ", last);
}

Status CheckBag(const Lookup& lookup, const InteractionCall& call) {
  const InteractionInts& ids = call.ids[lookup.ids];
  if (lookup.splits >= 0) {
    return CheckSplits(call.splits[lookup.splits], lookup.splits, call.batch, ids.size);
  }
  if (ids.items != call.batch) {
    return Status::Invalid("`ids[", lookup.ids, "]` should have ", call.batch,
                           " items, as the other inputs. Received: ", ids.items);
  }
  if (call.batch == 0) return {};
  const int64_t columns = ids.size / call.batch;
  const int64_t size = lookup.size == -1 ? 0 : lookup.size;
  if (lookup.start <= columns && size <= columns - lookup.start) return {};
  return Status::Invalid(
      "`ids[", lookup.ids, "]` should have at least ", lookup.start, " + ", size,
      " columns, as `lookup_starts` and `lookup_sizes` say. Received: ", columns);
}

Status CheckDense(const InteractionPlan& plan, const InteractionCall& call) {
  const bool is_dotted = !plan.operands.empty() && plan.operands.front() == 0;
  if (!call.has_dense && (is_dotted || plan.is_copied[0] != 0)) {
    return Status::Invalid(
        "`dense` should be there, since `columns` has feature 0. Received: shape=[0]");
  }
  if (Status status = CheckScale("dense_scale", call.dense_scale); !status.ok()) return status;
  return CheckZeroPoint("dense_zero_point", call.dense_zero_point);
}

Status FindDepth(const InteractionPlan& plan, const InteractionCall& call,
                 InteractionShape* shape) {
  if (plan.operands.empty()) return {};
  shape->depth = shape->widths[plan.operands.front()];
  for (int32_t feature : plan.operands) {
    if (shape->widths[feature] == shape->depth) continue;
    return Status::Invalid("Features that are dotted should be equally wide. Received: feature ",
                           plan.operands.front(), " is ", shape->depth, " wide, feature ", feature,
                           " is ", shape->widths[feature]);
  }
  if (call.type != TableType::kS8 || shape->depth <= kMaxInt8Depth) return {};
  return Status::Invalid("Features that are dotted in int8 should be at most ", kMaxInt8Depth,
                         " wide. Received: ", shape->depth);
}

// Segments with their columns. Copies of nothing are left out.
void PlaceSegments(const InteractionPlan& plan, InteractionShape* shape) {
  for (InteractionSegment segment : plan.segments) {
    segment.column = shape->columns;
    if (segment.kind == InteractionSegment::kCopy) segment.size = shape->widths[segment.first];
    shape->columns += segment.size;
    if (segment.size > 0) shape->segments.push_back(segment);
  }
}

}  // namespace

Status ShapeInteraction(const InteractionPlan& plan, const InteractionCall& call,
                        InteractionShape* shape) {
  for (const Status& status :
       {CheckCount("tables", call.tables.size(), plan.table_count),
        CheckCount("ids", call.ids.size(), plan.ids_count),
        CheckCount("row_splits", call.splits.size(), plan.splits_count),
        CheckScale("y_scale", call.y_scale), CheckZeroPoint("y_zero_point", call.y_zero_point),
        CheckDense(plan, call), CheckTables(call)}) {
    if (!status.ok()) return status;
  }
  shape->widths.push_back(call.has_dense ? call.dense_width : 0);
  for (const Lookup& lookup : plan.lookups) {
    if (Status status = CheckBag(lookup, call); !status.ok()) return status;
    shape->widths.push_back(call.tables[lookup.table].width);
  }
  if (Status status = FindDepth(plan, call, shape); !status.ok()) return status;
  PlaceSegments(plan, shape);
  return {};
}

}  // namespace tfsparse
