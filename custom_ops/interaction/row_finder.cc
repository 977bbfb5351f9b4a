#include "custom_ops/interaction/row_finder.h"

#include <string>

namespace tfsparse {
namespace {

int64_t SizeOf(TableType type) {
  switch (type) {
    case TableType::kF32:
      return 4;
    case TableType::kBf16:
      return 2;
    case TableType::kS8:
      return 1;
  }
  return 0;
}

bool IsOutside(int64_t row, int64_t rows) {
  return static_cast<uint64_t>(row) >= static_cast<uint64_t>(rows);
}

}  // namespace

RowFinder::RowFinder(const InteractionPlan& plan, const InteractionCall& call) : plan_(plan) {
  sources_.reserve(plan.lookups.size());
  tables_.reserve(plan.lookups.size());
  for (const Lookup& lookup : plan.lookups) {
    const InteractionTable& table = call.tables[lookup.table];
    Source source = {};
    source.ids = &call.ids[lookup.ids];
    if (lookup.splits >= 0) {
      source.splits = &call.splits[lookup.splits];
    } else {
      source.columns = source.ids->size / call.batch;
      source.start = lookup.start;
      source.count = lookup.size == -1 ? source.columns - lookup.start : lookup.size;
    }
    source.offset = lookup.id_offset;
    source.wraps_negative = lookup.wraps_negative;
    source.rows = table.rows;
    sources_.push_back(source);
    tables_.push_back({static_cast<const char*>(table.data), table.width * SizeOf(call.type),
                       table.scales, table.has_row_scales ? 1 : 0,
                       source.splits == nullptr && source.count == 1});
  }
}

// Where the ids of an item begin, and how many there are.
int64_t RowFinder::Begin(const Source& source, int64_t item) {
  return source.splits != nullptr ? (*source.splits)[item] : item * source.columns + source.start;
}

int64_t RowFinder::Count(const Source& source, int64_t item) {
  return source.splits != nullptr ? (*source.splits)[item + 1] - (*source.splits)[item]
                                  : source.count;
}

// That an id means; it may be outside the table. Wraps as TensorFlow's addition does.
int64_t RowFinder::RowOf(const Source& source, int64_t id) {
  const auto row =
      static_cast<int64_t>(static_cast<uint64_t>(id) + static_cast<uint64_t>(source.offset));
  return source.wraps_negative && row < 0 ? row + source.rows : row;
}

// Whether all are inside. Without branches where items have one id each, so that it vectorises.
template <class Int>
bool RowFinder::FindIn(const Source& source, int64_t begin, int64_t end, int64_t* rows) {
  const Int* ids = static_cast<const Int*>(source.ids->data);
  const Source s = source;
  bool is_outside = false;
  const auto take = [&](int64_t id) {
    const int64_t row = RowOf(s, id);
    is_outside |= IsOutside(row, s.rows);
    *rows++ = row;
  };
  if (s.splits == nullptr && s.count == 1 && s.columns == 1) {
    for (int64_t item = begin; item < end; ++item) take(int64_t{ids[item]});
  } else {
    for (int64_t item = begin; item < end; ++item) {
      const int64_t first = Begin(s, item), count = Count(s, item);
      for (int64_t i = 0; i < count; ++i) take(int64_t{ids[first + i]});
    }
  }
  return !is_outside;
}

Status RowFinder::Find(int64_t begin, int64_t end, FoundRows* found, int64_t* item) const {
  found->first.resize(sources_.size() * kFirstPitch);
  int64_t used = 0;
  for (size_t l = 0; l < sources_.size(); ++l) {
    int64_t* first = found->first.data() + l * kFirstPitch;
    for (int64_t b = begin; b < end; ++b) {
      *first++ = used;
      used += Count(sources_[l], b);
    }
    *first = used;
  }
  if (found->rows.size() < static_cast<size_t>(used)) found->rows.resize(used);
  found->view = {found->rows.data(), found->first.data()};
  for (size_t l = 0; l < sources_.size(); ++l) {
    const Source& source = sources_[l];
    int64_t* rows = found->rows.data() + found->first[l * kFirstPitch];
    if (source.ids->is_64 ? !FindIn<int64_t>(source, begin, end, rows)
                          : !FindIn<int32_t>(source, begin, end, rows)) {
      return Outside(begin, end, item);
    }
  }
  return {};
}

// Looks for the first one of items of which one is outside.
Status RowFinder::Outside(int64_t begin, int64_t end, int64_t* item) const {
  for (int64_t b = begin; b < end; ++b) {
    for (size_t l = 0; l < sources_.size(); ++l) {
      const Source& source = sources_[l];
      const int64_t first = Begin(source, b);
      for (int64_t at = first; at < first + Count(source, b); ++at) {
        const int64_t row = RowOf(source, (*source.ids)[at]);
        if (!IsOutside(row, source.rows)) continue;
        *item = b;
        std::string index = std::to_string(at);
        if (source.splits == nullptr) {
          index = std::to_string(b);
          if (source.columns > 1) index += "," + std::to_string(at - b * source.columns);
        }
        return Status::Invalid("`ids[", plan_.lookups[l].ids, "]` should be in [0, ", source.rows,
                               "): indices[", index, "] = ", row, " is not in [0, ", source.rows,
                               ")", source.offset == 0 ? "" : ", its offset added");
      }
    }
  }
  return {};
}

}  // namespace tfsparse
