#include "custom_ops/interaction/interaction_plan.h"

#include <algorithm>

namespace tfsparse {
namespace {

template <class T>
Status CheckLength(const char* name, const std::vector<T>& list, size_t lookups) {
  if (list.empty() || list.size() == lookups) return {};
  return Status::Invalid("`", name, "` should have an entry for each of ", lookups,
                         " lookups, or none. Received: ", list.size());
}

// Of lookup l: list[l], or the default if the list is empty.
template <class T>
T EntryOf(const std::vector<T>& list, size_t l, T otherwise) {
  return list.empty() ? otherwise : static_cast<T>(list[l]);
}

Status CheckNumber(const char* name, size_t l, int64_t number, int64_t least, int64_t count) {
  if (number >= least && number < count) return {};
  return Status::Invalid("`", name, "[", l, "]` should be from ", least, " to ", count - 1,
                         ". Received: ", number);
}

Status ParseCombiner(const std::string& name, Combiner* combiner) {
  if (name == "sum") *combiner = Combiner::kSum;
  if (name == "mean") *combiner = Combiner::kMean;
  if (name == "sqrtn") *combiner = Combiner::kSqrtN;
  if (name == "sum" || name == "mean" || name == "sqrtn") return {};
  return Status::Invalid("`combiners` should be 'sum', 'mean' or 'sqrtn'. Received: '", name, "'");
}

Status ReadLookup(const InteractionAttributes& a, size_t l, Lookup* lookup) {
  lookup->table = a.tables[l];
  lookup->ids = a.ids[l];
  lookup->start = EntryOf<int64_t>(a.starts, l, 0);
  lookup->size = EntryOf<int64_t>(a.sizes, l, 1);
  lookup->splits = EntryOf<int64_t>(a.splits, l, -1);
  lookup->id_offset = EntryOf<int64_t>(a.id_offsets, l, 0);
  lookup->wraps_negative = EntryOf<bool>(a.wraps_negative, l, false);
  if (Status status = CheckNumber("lookup_tables", l, lookup->table, 0, a.table_count);
      !status.ok()) {
    return status;
  }
  if (Status status = CheckNumber("lookup_ids", l, lookup->ids, 0, a.ids_count); !status.ok()) {
    return status;
  }
  if (Status status = CheckNumber("lookup_splits", l, lookup->splits, -1, a.splits_count);
      !status.ok()) {
    return status;
  }
  if (lookup->start < 0) {
    return Status::Invalid("`lookup_starts[", l,
                           "]` should be at least 0. Received: ", lookup->start);
  }
  if (lookup->size < -1) {
    return Status::Invalid("`lookup_sizes[", l,
                           "]` should be at least -1. Received: ", lookup->size);
  }
  return ParseCombiner(EntryOf<std::string>(a.combiners, l, "sum"), &lookup->combiner);
}

Status ReadLookups(const InteractionAttributes& a, std::vector<Lookup>* lookups) {
  const size_t count = a.tables.size();
  if (count >= InteractionPlan::kMaxFeatures) {
    return Status::Invalid("`lookup_tables` should have fewer than ", InteractionPlan::kMaxFeatures,
                           " entries. Received: ", count);
  }
  if (a.ids.size() != count) {
    return Status::Invalid("`lookup_ids` should have an entry for each of ", count,
                           " lookups. Received: ", a.ids.size());
  }
  for (const Status& status :
       {CheckLength("lookup_starts", a.starts, count), CheckLength("lookup_sizes", a.sizes, count),
        CheckLength("lookup_splits", a.splits, count),
        CheckLength("id_offsets", a.id_offsets, count),
        CheckLength("wraps_negative", a.wraps_negative, count),
        CheckLength("combiners", a.combiners, count)}) {
    if (!status.ok()) return status;
  }
  lookups->resize(count);
  for (size_t l = 0; l < count; ++l) {
    if (Status status = ReadLookup(a, l, &(*lookups)[l]); !status.ok()) return status;
  }
  return {};
}

Status CheckColumns(const std::vector<int64_t>& columns, int64_t features) {
  if (columns.size() % 2 != 0 || columns.size() / 2 > InteractionPlan::kMaxEntries) {
    return Status::Invalid("`columns` should have two numbers for each of at most ",
                           InteractionPlan::kMaxEntries, " entries. Received: ", columns.size());
  }
  for (size_t c = 0; c < columns.size(); c += 2) {
    const int64_t i = columns[c], j = columns[c + 1];
    const bool is_zero = i == -1 && j == -1;
    if (is_zero || (i >= 0 && i < features && j >= -1 && j < features)) continue;
    return Status::Invalid("`columns` should have pairs of features below ", features,
                           ", a feature and -1, or -1 and -1. Received: (", i, ", ", j,
                           ") at entry ", c / 2);
  }
  return {};
}

// Whether `next` goes on where `last` ends.
bool GoesOn(const InteractionSegment& last, const InteractionSegment& next) {
  if (last.kind != next.kind || last.kind == InteractionSegment::kCopy) return false;
  if (last.kind == InteractionSegment::kZeros) return true;
  return last.first == next.first && last.second + last.size == next.second;
}

// Numbers the features that are dotted, in their order.
std::vector<int32_t> NumberOperands(const std::vector<int64_t>& columns, InteractionPlan* plan) {
  std::vector<int32_t> operand_of(static_cast<size_t>(plan->features()), -1);
  for (size_t c = 0; c < columns.size(); c += 2) {
    if (columns[c + 1] >= 0) operand_of[columns[c]] = operand_of[columns[c + 1]] = 0;
  }
  for (size_t f = 0; f < operand_of.size(); ++f) {
    if (operand_of[f] < 0) continue;
    operand_of[f] = static_cast<int32_t>(plan->operands.size());
    plan->operands.push_back(static_cast<int32_t>(f));
  }
  return operand_of;
}

void ReadColumns(const std::vector<int64_t>& columns, InteractionPlan* plan) {
  const std::vector<int32_t> operand_of = NumberOperands(columns, plan);
  plan->row_begin.assign(plan->operands.size(), 0);
  plan->row_end.assign(plan->operands.size(), 0);
  for (size_t c = 0; c < columns.size(); c += 2) {
    const int64_t i = columns[c], j = columns[c + 1];
    InteractionSegment segment = {InteractionSegment::kZeros, 0, 1, 0, 0};
    if (i >= 0 && j < 0) {
      segment.kind = InteractionSegment::kCopy;
      segment.first = static_cast<int32_t>(i);
      plan->is_copied[i] = 1;
    } else if (i >= 0) {
      segment.kind = InteractionSegment::kDots;
      segment.first = operand_of[i], segment.second = operand_of[j];
      int64_t &begin = plan->row_begin[segment.first], &end = plan->row_end[segment.first];
      begin = begin == end ? segment.second : std::min<int64_t>(begin, segment.second);
      end = std::max<int64_t>(end, segment.second + 1);
    }
    if (!plan->segments.empty() && GoesOn(plan->segments.back(), segment)) {
      ++plan->segments.back().size;
    } else {
      plan->segments.push_back(segment);
    }
  }
}

}  // namespace

Status InteractionPlan::Create(const InteractionAttributes& attributes, InteractionPlan* plan) {
  plan->table_count = attributes.table_count;
  plan->ids_count = attributes.ids_count;
  plan->splits_count = attributes.splits_count;
  if (Status status = ReadLookups(attributes, &plan->lookups); !status.ok()) return status;
  if (Status status = CheckColumns(attributes.columns, plan->features()); !status.ok()) {
    return status;
  }
  plan->combiners.assign(static_cast<size_t>(plan->features()), Combiner::kSum);
  for (size_t l = 0; l < plan->lookups.size(); ++l) {
    plan->combiners[l + 1] = plan->lookups[l].combiner;
  }
  plan->is_copied.assign(static_cast<size_t>(plan->features()), 0);
  ReadColumns(attributes.columns, plan);
  return {};
}

}  // namespace tfsparse
