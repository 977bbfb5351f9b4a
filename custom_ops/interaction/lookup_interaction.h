#ifndef TFSPARSE_CUSTOM_OPS_INTERACTION_LOOKUP_INTERACTION_H_
#define TFSPARSE_CUSTOM_OPS_INTERACTION_LOOKUP_INTERACTION_H_

// All that lies between the MLPs of DLRM (Naumov et al., "Deep Learning Recommendation Model for
// Personalization and Recommendation Systems", arXiv:1906.00091), in one pass over memory: lookups
// in tables, sums of bags, dots of features, and their concatenation with the dense vector.
// interaction_args.h has the formula.
//
// Why one op. TensorFlow gathers from each table into a tensor, stacks those, multiplies them by
// themselves, picks half of the products and concatenates: each step writes all items to memory and
// reads them again. Here an item is finished while its rows are in cache, and written once, as
// uint8 if that is what the next product wants.
//
// How. Tables are larger than caches, so an item costs a cache miss per row. Ids are therefore read
// several items ahead, and their rows are prefetched while other items are computed. Nothing is
// read of a table before its id has been compared with the number of rows.
//
// Tables lie as TensorFlow has them, [rows, width]: none is packed or copied, and training goes on
// with the same variable.

#include <cstdint>
#include <vector>

#include "custom_ops/base/parallel_for.h"
#include "custom_ops/base/status.h"
#include "custom_ops/engine/isa.h"
#include "custom_ops/interaction/interaction_args.h"
#include "custom_ops/interaction/interaction_plan.h"

namespace tfsparse {

struct InteractionTable {
  const void* data = nullptr;  // [rows, width]
  int64_t rows = 0, width = 0;
  const float* scales = nullptr;  // int8: [rows], or one for all
  bool has_row_scales = false;
};

// Ids or row splits. Ids are [batch, columns], or in any order if row splits say where bags are.
struct InteractionInts {
  const void* data = nullptr;
  bool is_64 = false;
  int64_t size = 0;   // of all
  int64_t items = 0;  // that there are ids for: the first axis

  int64_t operator[](int64_t i) const {
    return is_64 ? static_cast<const int64_t*>(data)[i] : static_cast<const int32_t*>(data)[i];
  }
};

struct InteractionCall {
  int64_t batch = 0;
  bool has_dense = false, dense_is_u8 = false;
  const void* dense = nullptr;  // [batch, dense_width]
  int64_t dense_width = 0;
  float dense_scale = 1;
  int32_t dense_zero_point = 0;

  TableType type = TableType::kF32;
  std::vector<InteractionTable> tables;
  std::vector<InteractionInts> ids, splits;

  bool y_is_u8 = false;
  void* y = nullptr;  // [batch, columns]
  float y_scale = 1;
  int32_t y_zero_point = 0;
};

// What a plan and the widths of a call's tensors give.
struct InteractionShape {
  std::vector<int64_t> widths;  // of features
  std::vector<InteractionSegment> segments;
  int64_t depth = 0, columns = 0;
};

// Widest feature, and widest one that int8 dots take: their sums are 32 bits.
inline constexpr int64_t kMaxFeatureWidth = 1 << 24, kMaxInt8Depth = 1 << 15;

// Fails where numbers of tensors, sizes, row splits or scales are wrong; nothing is said of ids.
Status ShapeInteraction(const InteractionPlan& plan, const InteractionCall& call,
                        InteractionShape* shape);

// Runs a call that has a shape. Fails on the first id that is outside its table; y then has any
// values. Throws std::bad_alloc.
Status RunInteraction(const InteractionPlan& plan, const InteractionCall& call,
                      const InteractionShape& shape, Isa isa, const Threads& threads);

}  // namespace tfsparse

#endif  // TFSPARSE_CUSTOM_OPS_INTERACTION_LOOKUP_INTERACTION_H_
