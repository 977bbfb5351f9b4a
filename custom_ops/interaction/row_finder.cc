#include "custom_ops/interaction/row_finder.h"

#include <string>

namespace tfsparse {
namespace {

constexpr int64_t kLine = 64;

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

// Makes room without keeping what is there.
template <class T>
T* Room(int64_t size, std::vector<T>* list) {
  if (list->size() < static_cast<size_t>(size)) list->resize(static_cast<size_t>(size));
  return list->data();
}

}  // namespace

RowFinder::RowFinder(const InteractionPlan& plan, const InteractionCall& call) : plan_(plan) {
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
    source.data = static_cast<const char*>(table.data);
    source.rows = table.rows;
    source.row_size = table.width * SizeOf(call.type);
    source.scales = table.scales;
    source.scale_step = table.has_row_scales ? 1 : 0;
    source.max_lines = source.row_size / kLine + 3;
    sources_.push_back(source);
  }
}

// That an id means; it may be outside the table. Wraps as TensorFlow's addition does.
int64_t RowFinder::RowOf(const Source& source, int64_t id) {
  const auto row =
      static_cast<int64_t>(static_cast<uint64_t>(id) + static_cast<uint64_t>(source.offset));
  return source.wraps_negative && row < 0 ? row + source.rows : row;
}

template <class Int>
bool RowFinder::FindIn(const Source& source, int64_t begin, int64_t count, TableRow* rows,
                       const void*** lines, int64_t* bad) {
  const Int* ids = static_cast<const Int*>(source.ids->data) + begin;
  const void** line = *lines;
  for (int64_t i = 0; i < count; ++i) {
    const int64_t row = RowOf(source, int64_t{ids[i]});
    if (static_cast<uint64_t>(row) >= static_cast<uint64_t>(source.rows)) {
      *bad = begin + i;
      return false;
    }
    const char* data = source.data + row * source.row_size;
    rows[i].data = data;
    rows[i].scale = source.scales + row * source.scale_step;
    const char* end = data + source.row_size;
    // From the row's first byte, and then from where lines begin.
    for (const char* at = data; at < end;
         at += kLine - static_cast<int64_t>(reinterpret_cast<uintptr_t>(at) % kLine)) {
      *line++ = at;
    }
    if (source.scale_step != 0) *line++ = rows[i].scale;
  }
  *lines = line;
  return true;
}

Status RowFinder::Find(int64_t item, FoundRows* found) const {
  int64_t* counts = Room(static_cast<int64_t>(sources_.size()), &found->counts);
  int64_t used = 0, used_lines = 0;
  for (size_t l = 0; l < sources_.size(); ++l) {
    const Source& source = sources_[l];
    int64_t begin = item * source.columns + source.start, count = source.count;
    if (source.splits != nullptr) {
      begin = (*source.splits)[item];
      count = (*source.splits)[item + 1] - begin;
    }
    counts[l] = count;
    TableRow* rows = Room(used + count, &found->rows) + used;
    const void** all_lines = Room(used_lines + count * source.max_lines, &found->lines);
    const void** lines = all_lines + used_lines;
    int64_t bad;
    if (source.ids->is_64 ? !FindIn<int64_t>(source, begin, count, rows, &lines, &bad)
                          : !FindIn<int32_t>(source, begin, count, rows, &lines, &bad)) {
      return Outside(l, item, bad);
    }
    used += count;
    used_lines = lines - all_lines;
  }
  found->line_count = used_lines;
  return {};
}

Status RowFinder::Outside(size_t lookup, int64_t item, int64_t at) const {
  const Source& source = sources_[lookup];
  std::string index = std::to_string(at);
  if (source.splits == nullptr) {
    index = std::to_string(item);
    if (source.columns > 1) index += "," + std::to_string(at - item * source.columns);
  }
  const int64_t row = RowOf(source, (*source.ids)[at]);
  return Status::Invalid("`ids[", plan_.lookups[lookup].ids, "]` should be in [0, ", source.rows,
                         "): indices[", index, "] = ", row, " is not in [0, ", source.rows, ")",
                         source.offset == 0 ? "" : ", its offset added");
}

}  // namespace tfsparse
