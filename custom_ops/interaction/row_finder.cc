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

// Wraps as TensorFlow's addition does.
int64_t Add(int64_t a, int64_t b) {
  return static_cast<int64_t>(static_cast<uint64_t>(a) + static_cast<uint64_t>(b));
}

// The row that an id means, which may be outside the table.
int64_t RowOf(const Lookup& lookup, int64_t id, int64_t rows) {
  id = Add(id, lookup.id_offset);
  return lookup.wraps_negative && id < 0 ? id + rows : id;
}

template <class Int>
bool FindIn(const Lookup& lookup, const InteractionTable& table, const Int* ids, int64_t count,
            int64_t row_size, TableRow* rows, int64_t* bad) {
  const char* data = static_cast<const char*>(table.data);
  for (int64_t i = 0; i < count; ++i) {
    const int64_t row = RowOf(lookup, int64_t{ids[i]}, table.rows);
    if (static_cast<uint64_t>(row) >= static_cast<uint64_t>(table.rows)) {
      *bad = i;
      return false;
    }
    rows[i].data = data + row * row_size;
    rows[i].scale = table.has_row_scales ? table.scales + row : table.scales;
  }
  return true;
}

}  // namespace

RowFinder::RowFinder(const InteractionPlan& plan, const InteractionCall& call)
    : plan_(plan), call_(call), element_size_(SizeOf(call.type)) {}

bool RowFinder::FindBag(const Lookup& lookup, int64_t begin, int64_t count, TableRow* rows,
                        int64_t* bad) const {
  const InteractionTable& table = call_.tables[lookup.table];
  const InteractionInts& ids = call_.ids[lookup.ids];
  const int64_t row_size = table.width * element_size_;
  return ids.is_64 ? FindIn(lookup, table, static_cast<const int64_t*>(ids.data) + begin, count,
                            row_size, rows, bad)
                   : FindIn(lookup, table, static_cast<const int32_t*>(ids.data) + begin, count,
                            row_size, rows, bad);
}

Status RowFinder::Find(int64_t item, FoundRows* found) const {
  found->counts.resize(plan_.lookups.size());
  size_t used = 0;
  for (size_t l = 0; l < plan_.lookups.size(); ++l) {
    const Lookup& lookup = plan_.lookups[l];
    int64_t begin, count;
    if (lookup.splits >= 0) {
      begin = call_.splits[lookup.splits][item];
      count = call_.splits[lookup.splits][item + 1] - begin;
    } else {
      const int64_t columns = call_.ids[lookup.ids].size / call_.batch;
      begin = item * columns + lookup.start;
      count = lookup.size == -1 ? columns - lookup.start : lookup.size;
    }
    found->counts[l] = count;
    if (found->rows.size() < used + static_cast<size_t>(count)) {
      found->rows.resize(used + static_cast<size_t>(count));
    }
    int64_t bad;
    if (!FindBag(lookup, begin, count, found->rows.data() + used, &bad)) {
      return Outside(lookup, begin, item, bad);
    }
    used += static_cast<size_t>(count);
  }
  found->rows.resize(used);
  return {};
}

void RowFinder::Prefetch(const FoundRows& found) const {
  constexpr int64_t kLine = 64;
  const TableRow* row = found.rows.data();
  for (size_t l = 0; l < plan_.lookups.size(); ++l) {
    const InteractionTable& table = call_.tables[plan_.lookups[l].table];
    const int64_t size = table.width * element_size_;
    for (int64_t i = 0; i < found.counts[l]; ++i, ++row) {
      const char* data = static_cast<const char*>(row->data);
      for (int64_t at = 0; at < size; at += kLine) __builtin_prefetch(data + at);
      if (size > 0) __builtin_prefetch(data + size - 1);
      if (table.has_row_scales) __builtin_prefetch(row->scale);
    }
  }
}

Status RowFinder::Outside(const Lookup& lookup, int64_t begin, int64_t item, int64_t at) const {
  const InteractionInts& ids = call_.ids[lookup.ids];
  const int64_t rows = call_.tables[lookup.table].rows;
  std::string index = std::to_string(begin + at);
  if (lookup.splits < 0) {
    const int64_t columns = ids.size / call_.batch;
    index = std::to_string(item);
    if (columns > 1) index += "," + std::to_string(lookup.start + at);
  }
  const int64_t row = RowOf(lookup, ids[begin + at], rows);
  return Status::Invalid("`ids[", lookup.ids, "]` should be in [0, ", rows, "): indices[", index,
                         "] = ", row, " is not in [0, ", rows, ")",
                         lookup.id_offset == 0 ? "" : ", its offset added");
}

}  // namespace tfsparse
