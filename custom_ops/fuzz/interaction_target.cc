// A lookup interaction is refused, or has the results of the portable ISA: the same bits where
// tables are int8, and otherwise what dots in another order may be.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "custom_ops/fuzz/equal_results.h"
#include "custom_ops/fuzz/target.h"
#include "custom_ops/interaction/lookup_interaction.h"

namespace tfsparse {
namespace {

InteractionAttributes RandomAttributes(Random& random) {
  InteractionAttributes a;
  const int64_t lookups = random.Chance(0.05) ? 0 : random.Size(40);
  a.table_count = random.Int(1, 5);
  a.ids_count = random.Int(1, 4);
  a.splits_count = random.Chance(0.5) ? 0 : random.Int(1, 2);
  const auto number = [&](int64_t low, int64_t count) {
    return random.Chance(0.999) ? random.Int(low, std::max(low, count - 1)) : random.EdgeInt64();
  };
  const bool has_bags = random.Chance(0.5);
  for (int64_t l = 0; l < lookups; ++l) {
    a.tables.push_back(number(0, a.table_count));
    a.ids.push_back(number(0, a.ids_count));
    if (!has_bags) continue;
    a.starts.push_back(random.Chance(0.8) ? 0 : random.Chance(0.99) ? 1 : random.EdgeInt64());
    a.sizes.push_back(random.Chance(0.99) ? random.Int(-1, 1) : random.EdgeInt64());
    a.splits.push_back(random.Chance(0.9) ? -1 : number(-1, a.splits_count));
    a.id_offsets.push_back(random.Chance(0.99) ? 0 : random.EdgeInt64());
    a.wraps_negative.push_back(random.Chance(0.5));
    a.combiners.push_back(random.Pick<const char*>({"sum", "mean", "sqrtn"}));
  }
  for (int64_t entry = random.Int(0, 60); entry > 0; --entry) {
    const bool is_zero = random.Chance(0.1);
    a.columns.push_back(is_zero ? -1 : number(0, lookups + 1));
    a.columns.push_back(is_zero || random.Chance(0.1) ? -1 : number(0, lookups + 1));
  }
  return a;
}

// The tensors of a call, each of which ends where its memory does.
struct Tensors {
  std::vector<std::vector<float>> floats, scales;
  std::vector<std::vector<BFloat16>> halves;
  std::vector<std::vector<int8_t>> bytes;
  std::vector<std::vector<int64_t>> longs;
  std::vector<std::vector<int32_t>> ints;
  std::vector<float> dense;
  std::vector<uint8_t> dense_u8;
};

void AddTables(Random& random, int64_t count, int64_t width, bool wild, Tensors* tensors,
               InteractionCall* call) {
  for (int64_t t = 0; t < count; ++t) {
    InteractionTable table;
    table.rows = random.Chance(0.02) ? 0 : random.Size(30);
    table.width = random.Chance(0.99) ? width : random.Size(50);
    const int64_t size = table.rows * table.width;
    if (call->type == TableType::kF32) {
      tensors->floats.push_back(RandomArray<float>(random, size, wild));
      table.data = tensors->floats.back().data();
    } else if (call->type == TableType::kBf16) {
      tensors->halves.push_back(RandomArray<BFloat16>(random, size, wild));
      table.data = tensors->halves.back().data();
    } else {
      tensors->bytes.push_back(RandomArray<int8_t>(random, size, wild));
      table.data = tensors->bytes.back().data();
      table.has_row_scales = random.Chance(0.5);
      const int64_t scales = table.has_row_scales ? table.rows : 1;
      tensors->scales.push_back(RandomArray<float>(random, scales, wild));
      table.scales = tensors->scales.back().data();
    }
    call->tables.push_back(table);
  }
}

InteractionInts Keep(Random& random, std::vector<int64_t> list, int64_t items, Tensors* tensors) {
  InteractionInts ints;
  ints.items = items;
  ints.size = static_cast<int64_t>(list.size());
  ints.is_64 = random.Chance(0.5);
  if (ints.is_64) {
    tensors->longs.push_back(std::move(list));
    ints.data = tensors->longs.back().data();
  } else {
    tensors->ints.emplace_back(list.begin(), list.end());
    ints.data = tensors->ints.back().data();
  }
  return ints;
}

void AddIds(Random& random, const InteractionAttributes& a, Tensors* tensors,
            InteractionCall* call) {
  const int64_t columns = random.Int(1, 3), total = call->batch * columns;
  for (int64_t i = 0; i < a.ids_count; ++i) {
    std::vector<int64_t> ids;
    for (int64_t k = 0; k < total; ++k) {
      ids.push_back(random.Chance(0.9999) ? random.Int(0, 2) : random.EdgeInt64());
    }
    call->ids.push_back(Keep(random, std::move(ids), call->batch, tensors));
  }
  for (int64_t i = 0; i < a.splits_count; ++i) {
    std::vector<int64_t> splits = {0, total};
    for (int64_t b = 1; b < call->batch; ++b) {
      splits.push_back(random.Chance(0.9995) ? random.Int(0, total) : random.EdgeInt64());
    }
    if (random.Chance(0.98)) std::sort(splits.begin(), splits.end());
    if (call->batch == 0 || random.Chance(0.01)) splits.pop_back();
    const auto size = static_cast<int64_t>(splits.size());
    call->splits.push_back(Keep(random, std::move(splits), size, tensors));
  }
}

constexpr float kTameScale = 0.02f;

float RandomScale(Random& random) { return random.Chance(0.95) ? kTameScale : random.AnyFloat(); }

void AddRest(Random& random, int64_t width, bool wild, Tensors* tensors, InteractionCall* call) {
  call->has_dense = random.Chance(0.9);
  call->dense_is_u8 = random.Chance(0.5);
  call->dense_width = random.Chance(0.98) ? width : random.Size(50);
  const int64_t size = call->batch * call->dense_width;
  tensors->dense = RandomArray<float>(random, size, wild);
  tensors->dense_u8 = RandomArray<uint8_t>(random, size, wild);
  call->dense = call->dense_is_u8 ? static_cast<const void*>(tensors->dense_u8.data())
                                  : static_cast<const void*>(tensors->dense.data());
  call->dense_scale = RandomScale(random);
  call->dense_zero_point = random.Chance(0.9) ? 128 : random.EdgeInt32();
  call->y_is_u8 = random.Chance(0.5);
  call->y_scale = RandomScale(random);
  call->y_zero_point = random.Chance(0.9) ? 3 : random.EdgeInt32();
}

// Of tame values: dots of at most 200 products, of bags of at most some 100. Bytes, which mean
// kTameScale each, saturate at 5, where such a difference is a third of a step.
void RequireNear(const std::vector<uint8_t>& one, const std::vector<uint8_t>& other, bool is_u8) {
  for (size_t i = 0; i < one.size() && is_u8; ++i) {
    Require(std::abs(one[i] - other[i]) <= 1, "a byte is near the portable ISA's");
  }
  for (size_t i = 0; i + 3 < one.size() && !is_u8; i += sizeof(float)) {
    float a, b;
    std::memcpy(&a, one.data() + i, sizeof(a));
    std::memcpy(&b, other.data() + i, sizeof(b));
    Require(std::abs(a - b) <= 1e-3f * (1 + std::abs(b)), "a result is near the portable ISA's");
  }
}

}  // namespace

Outcome FuzzInteraction(Random& random, Isa isa) {
  const InteractionAttributes attributes = RandomAttributes(random);
  InteractionPlan plan;
  if (!InteractionPlan::Create(attributes, &plan).ok()) return Outcome::kRefused;
  InteractionCall call;
  call.batch = random.Chance(0.05) ? 0 : random.Size(80);
  call.type = random.Pick({TableType::kF32, TableType::kBf16, TableType::kS8});
  const bool wild = random.Chance(0.3);
  const int64_t width = random.Chance(0.02) ? 0 : random.Size(200);
  Tensors tensors;
  AddTables(random, attributes.table_count, width, wild, &tensors, &call);
  AddIds(random, attributes, &tensors, &call);
  AddRest(random, width, wild, &tensors, &call);
  InteractionShape shape;
  if (!ShapeInteraction(plan, call, &shape).ok()) return Outcome::kRefused;
  const Threads threads = RandomThreads(random);
  std::vector<uint8_t> y[2];
  std::string words[2];
  for (int i : {0, 1}) {
    y[i] = Exact<uint8_t>(call.batch * shape.columns * (call.y_is_u8 ? 1 : 4));
    call.y = y[i].data();
    const Isa each = i == 0 ? isa : Isa::kPortable;
    words[i] = RunInteraction(plan, call, shape, each, threads).message();
  }
  Require(words[0] == words[1], "the same ids are refused on each ISA");
  if (!words[0].empty()) return Outcome::kRefused;
  if (call.type == TableType::kS8) {
    Require(AreEqual(y[0], y[1], call.y_is_u8), "results have the portable ISA's bits");
  } else if (!wild && call.dense_scale == kTameScale &&
             (!call.y_is_u8 || call.y_scale == kTameScale)) {
    RequireNear(y[0], y[1], call.y_is_u8);
  }
  return Outcome::kAnswered;
}

}  // namespace tfsparse
