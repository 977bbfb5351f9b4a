#ifndef TFSPARSE_CUSTOM_OPS_INTERACTION_INTERACTION_PROBLEM_H_
#define TFSPARSE_CUSTOM_OPS_INTERACTION_INTERACTION_PROBLEM_H_

// A lookup interaction of random numbers for tests, and what it should give, in float64.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "custom_ops/base/bfloat16.h"
#include "custom_ops/interaction/lookup_interaction.h"

namespace tfsparse {

struct InteractionOptions {
  TableType type = TableType::kF32;
  int64_t batch = 5, lookups = 3, depth = 16, rows = 40;
  int64_t bag = 1;          // ids of each bag
  bool has_splits = false;  // bags of 0, 1, .. bag ids instead
  Combiner combiner = Combiner::kSum;
  bool has_dense = true, dense_is_u8 = false;
  bool has_row_scales = true;
  bool is_64 = false;
  bool y_is_u8 = false;
  std::vector<int64_t> columns;  // none: those of DLRM
};

inline const char* NameOf(Combiner combiner) {
  return combiner == Combiner::kSum ? "sum" : combiner == Combiner::kMean ? "mean" : "sqrtn";
}

// The dense vector, the lower triangle, each lookup's row, and some zeros.
inline std::vector<int64_t> DlrmColumns(int64_t features, bool has_dense) {
  std::vector<int64_t> columns;
  const int64_t first = has_dense ? 0 : 1;
  for (int64_t i = first; i < features; ++i) {
    for (int64_t j = first; j <= i; ++j) columns.insert(columns.end(), {i, j});
  }
  columns.insert(columns.end(), {first, -1, -1, -1, -1, -1, features - 1, -1});
  return columns;
}

class InteractionProblem {
 public:
  InteractionProblem(const InteractionOptions& options, unsigned seed)
      : options_(options), random_(seed) {
    MakePlan();
    MakeTables();
    MakeIds();
    MakeDense();
    call.batch = options.batch;
    call.type = options.type;
    call.y_is_u8 = options.y_is_u8;
    call.y_scale = 0.05f;
    call.y_zero_point = 121;
  }
  InteractionProblem(const InteractionProblem&) = delete;

  // Gives the bytes of y.
  std::vector<uint8_t> Run(Isa isa, const Threads& threads = Threads()) {
    InteractionShape shape;
    status = ShapeInteraction(plan, call, &shape);
    if (!status.ok()) return {};
    columns = shape.columns;
    std::vector<uint8_t> y(static_cast<size_t>(call.batch * shape.columns * (call.y_is_u8 ? 1 : 4)),
                           77);
    call.y = y.data();
    status = RunInteraction(plan, call, shape, isa, threads);
    return y;
  }

  // A feature of an item, with its operand and the most that is off of each.
  struct Feature {
    std::vector<double> value, operand;
    double value_error = 0, operand_error = 0;  // of elements, absolute
  };

  Feature FeatureOf(int64_t item, int64_t feature) const {
    Feature f;
    const int64_t depth = options_.depth;
    bool is_exact = true;
    if (feature == 0) {
      for (int64_t d = 0; d < depth; ++d) {
        const int64_t at = item * depth + d;
        f.value.push_back(options_.dense_is_u8
                              ? double{call.dense_scale} * (bytes[at] - call.dense_zero_point)
                              : double{dense[at]});
      }
      is_exact = options_.dense_is_u8;
    } else {
      is_exact = FillBag(item, feature - 1, &f);
    }
    f.operand = f.value;
    double greatest = 0;
    for (double v : f.value) greatest = std::max(greatest, std::abs(v));
    f.value_error += greatest * 0x1p-23;
    f.operand_error = f.value_error;
    if (options_.type == TableType::kBf16) f.operand_error += greatest * 0x1.01p-8;
    // Half a step; the step's own error.
    if (options_.type == TableType::kS8 && !is_exact) f.operand_error += greatest * 0.501 / 127;
    return f;
  }

  InteractionPlan plan;
  InteractionCall call;
  InteractionAttributes attributes;
  Status status;
  int64_t columns = 0;
  std::vector<std::vector<uint8_t>> tables;
  std::vector<std::vector<float>> scales;
  std::vector<std::vector<int64_t>> ids, splits;
  std::vector<std::vector<int32_t>> short_ids, short_splits;
  std::vector<float> dense;
  std::vector<uint8_t> bytes;

 private:
  int64_t SizeOf() const {
    return options_.type == TableType::kF32 ? 4 : options_.type == TableType::kBf16 ? 2 : 1;
  }

  void MakePlan() {
    const InteractionOptions& o = options_;
    InteractionAttributes& a = attributes;
    a.table_count = std::max<int64_t>(1, o.lookups - 1);  // the last lookups share one
    a.ids_count = o.lookups;
    a.splits_count = o.has_splits ? o.lookups : 0;
    for (int64_t l = 0; l < o.lookups; ++l) {
      a.tables.push_back(std::min(l, a.table_count - 1));
      a.ids.push_back(l);
      a.starts.push_back(o.has_splits ? 0 : l % 2);
      a.sizes.push_back(o.bag == 1 ? 1 : -1);
      a.splits.push_back(o.has_splits ? l : -1);
      a.combiners.push_back(NameOf(o.combiner));
    }
    a.columns = o.columns.empty() ? DlrmColumns(o.lookups + 1, o.has_dense) : o.columns;
    status = InteractionPlan::Create(a, &plan);
  }

  void MakeTables() {
    std::normal_distribution<float> normal;
    for (int64_t t = 0; t < attributes.table_count; ++t) {
      const int64_t size = options_.rows * options_.depth;
      std::vector<uint8_t> table(static_cast<size_t>(size * SizeOf()));
      for (int64_t i = 0; i < size; ++i) {
        const float value = normal(random_);
        const BFloat16 half = RoundToBFloat16(value);
        if (options_.type == TableType::kF32) std::memcpy(&table[i * 4], &value, 4);
        if (options_.type == TableType::kBf16) std::memcpy(&table[i * 2], &half, 2);
        if (options_.type == TableType::kS8) table[i] = static_cast<uint8_t>(random_());
      }
      tables.push_back(std::move(table));
      std::vector<float> scale;
      for (int64_t r = 0; r < options_.rows; ++r)
        scale.push_back(0.01f * (1 + std::abs(normal(random_))));
      scales.push_back(std::move(scale));
      InteractionTable each;
      each.data = tables.back().data();
      each.rows = options_.rows;
      each.width = options_.depth;
      if (options_.type == TableType::kS8) {
        each.scales = scales.back().data();
        each.has_row_scales = options_.has_row_scales;
      }
      call.tables.push_back(each);
    }
  }

  void MakeIds() {
    for (int64_t l = 0; l < options_.lookups; ++l) {
      std::vector<int64_t> list, split = {0};
      const int64_t per_item = options_.bag + (options_.has_splits ? 0 : l % 2);
      for (int64_t b = 0; b < options_.batch; ++b) {
        const int64_t count = options_.has_splits ? (b + l) % (options_.bag + 1) : per_item;
        for (int64_t i = 0; i < count; ++i) {
          list.push_back(static_cast<int64_t>(random_() % static_cast<uint64_t>(options_.rows)));
        }
        split.push_back(static_cast<int64_t>(list.size()));
      }
      call.ids.push_back(Keep(std::move(list), options_.batch, &ids, &short_ids));
      if (options_.has_splits) {
        call.splits.push_back(Keep(std::move(split), options_.batch + 1, &splits, &short_splits));
      }
    }
  }

  InteractionInts Keep(std::vector<int64_t> list, int64_t items,
                       std::vector<std::vector<int64_t>>* wide,
                       std::vector<std::vector<int32_t>>* narrow) const {
    narrow->emplace_back(list.begin(), list.end());
    wide->push_back(std::move(list));
    InteractionInts ints;
    ints.is_64 = options_.is_64;
    ints.size = static_cast<int64_t>(wide->back().size());
    ints.items = items;
    ints.data = options_.is_64 ? static_cast<const void*>(wide->back().data())
                               : static_cast<const void*>(narrow->back().data());
    return ints;
  }

  void MakeDense() {
    std::normal_distribution<float> normal;
    for (int64_t i = 0; i < options_.batch * options_.depth; ++i) {
      dense.push_back(normal(random_));
      bytes.push_back(static_cast<uint8_t>(random_()));
    }
    call.has_dense = options_.has_dense;
    call.dense_is_u8 = options_.dense_is_u8;
    call.dense = options_.dense_is_u8 ? static_cast<const void*>(bytes.data())
                                      : static_cast<const void*>(dense.data());
    call.dense_width = options_.depth;
    call.dense_scale = 0.02f;
    call.dense_zero_point = 7;
  }

  double ElementOf(int64_t table, int64_t row, int64_t d) const {
    const int64_t at = row * options_.depth + d;
    if (options_.type == TableType::kS8) {
      const float scale = scales[table][options_.has_row_scales ? row : 0];
      return double{scale} * static_cast<int8_t>(tables[table][at]);
    }
    if (options_.type == TableType::kBf16) {
      BFloat16 half;
      std::memcpy(&half, &tables[table][at * 2], 2);
      return double{half.ToFloat()};
    }
    float value;
    std::memcpy(&value, &tables[table][at * 4], 4);
    return double{value};
  }

  // Whether it is a row as it lies.
  bool FillBag(int64_t item, int64_t lookup, Feature* f) const {
    int64_t begin, count;
    if (options_.has_splits) {
      begin = splits[lookup][item];
      count = splits[lookup][item + 1] - begin;
    } else {
      const int64_t per_item = options_.bag + lookup % 2;
      begin = item * per_item + lookup % 2;
      count = options_.bag;
    }
    const int64_t table = attributes.tables[lookup];
    double divisor = 1, magnitude = 0;
    if (count > 0 && options_.combiner == Combiner::kMean) divisor = static_cast<double>(count);
    if (count > 0 && options_.combiner == Combiner::kSqrtN) {
      divisor = std::sqrt(static_cast<double>(count));
    }
    for (int64_t d = 0; d < options_.depth; ++d) {
      double sum = 0, sizes = 0;
      for (int64_t i = 0; i < count; ++i) {
        const double element = ElementOf(table, ids[lookup][begin + i], d);
        sum += element, sizes += std::abs(element);
      }
      f->value.push_back(sum / divisor);
      magnitude = std::max(magnitude, sizes / divisor);
    }
    f->value_error = magnitude * static_cast<double>(count + 2) * 0x1p-24;
    return count == 1;
  }

  const InteractionOptions options_;
  std::mt19937 random_;
};

}  // namespace tfsparse

#endif  // TFSPARSE_CUSTOM_OPS_INTERACTION_INTERACTION_PROBLEM_H_
