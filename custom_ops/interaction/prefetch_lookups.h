#ifndef TFSPARSE_CUSTOM_OPS_INTERACTION_PREFETCH_LOOKUPS_H_
#define TFSPARSE_CUSTOM_OPS_INTERACTION_PREFETCH_LOOKUPS_H_

#include <cstdint>

#include "custom_ops/interaction/interaction_args.h"

namespace tfsparse {
namespace {

// Asks for the rows, and their scales, of lookups from `begin` to `end` of the item that comes
// later; with the first lookup, for its dense vector. kLocality: 3 for the first level of caches, 2
// for the second. Local to the file that includes it, as that
// may be compiled for other instruction sets than the rest.
template <int kLocality = 3>
inline __attribute__((always_inline)) void PrefetchLookups(const InteractionArgs& args,
                                                           const InteractionItem& item,
                                                           int64_t begin, int64_t end) {
  constexpr int64_t kLine = 64;
  const auto ask = [](const char* data, int64_t size) {
    // From the first byte, and then from where lines begin.
    const int64_t before = static_cast<int64_t>(reinterpret_cast<uintptr_t>(data) % kLine);
    for (int64_t at = 0; at < size + before; at += kLine) {
      __builtin_prefetch(data + (at == 0 ? 0 : at - before), 0, kLocality);
    }
  };
  if (begin == 0 && item.next_dense != nullptr) {
    ask(static_cast<const char*>(item.next_dense), args.widths[0] * (args.dense_is_u8 ? 1 : 4));
  }
  for (int64_t l = begin; l < end; ++l) {
    const LookupTable table = args.tables[l];
    const int64_t* first = item.next_block->first + l * kFirstPitch + item.next_index;
    for (int64_t k = first[0]; k < first[1]; ++k) {
      const int64_t row = item.next_block->rows[k];
      ask(table.data + row * table.row_size, table.row_size);
      if (table.scale_step != 0) __builtin_prefetch(table.scales + row, 0, kLocality);
    }
  }
}

}  // namespace
}  // namespace tfsparse

#endif  // TFSPARSE_CUSTOM_OPS_INTERACTION_PREFETCH_LOOKUPS_H_
