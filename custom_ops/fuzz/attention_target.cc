// Attention of tensors of any shapes: they are refused, or read where they lie and answered.
// Without a mask, each answer is between the least and the greatest value.

#include <algorithm>
#include <cmath>
#include <vector>

#include "custom_ops/attention/attention.h"
#include "custom_ops/fuzz/target.h"

namespace tfsparse {
namespace {

constexpr int64_t kMostKeys = 600;  // more than a block

using Shape = std::vector<int64_t>;

int64_t Elements(const Shape& shape) {
  int64_t elements = 1;
  for (int64_t size : shape) elements *= size;
  return elements;
}

// A tensor of heads, and what the op's attributes say of it.
struct Heads {
  Heads(Random& random, const char* name, int64_t batch, int64_t tokens, int64_t heads,
        int64_t size) {
    spec = {name, heads, size, random.Chance(0.2), {}};
    shape = {batch, tokens, heads, size};
    if (spec.heads_first) std::swap(shape[1], shape[2]);
    if (!spec.heads_first && random.Chance(0.4)) {
      const int64_t offset = random.Int(0, 5), stride = size + random.Int(0, 5);
      spec.channels = {offset, stride};
      shape = {batch, tokens, offset + heads * stride};
    }
  }

  void Spoil(Random& random) {
    const int64_t edge = random.EdgeInt64();
    switch (random.Int(0, 4)) {
      case 0:
        return void(shape[random.Int(0, static_cast<int64_t>(shape.size()) - 1)] =
                        random.Int(0, 9));
      case 1:
        return shape.pop_back();
      case 2:
        return void((random.Chance(0.5) ? spec.heads : spec.size) = edge);
      case 3:
        return void(spec.channels = {edge, random.EdgeInt64()});
      default:
        spec.heads_first = !spec.heads_first;
    }
  }

  HeadsSpec spec;
  Shape shape;
};

// Of a bias or a mask.
Shape ScoreShape(Random& random, const int64_t (&sizes)[4]) {
  Shape shape;
  for (int64_t axis = random.Int(0, 4); axis < 4; ++axis) {
    shape.push_back(random.Chance(0.4) ? 1 : sizes[axis]);
  }
  if (!shape.empty() && random.Chance(0.02)) shape[0] = random.Int(0, 3);
  return shape;
}

struct Arguments {
  Arguments(Random& random, int64_t most_keys)
      : batch(random.Int(0, 2)),
        kv_heads(random.Int(1, 3)),
        heads(kv_heads * random.Int(1, 3)),
        queries(random.Chance(0.05) ? 0 : random.Size(70)),
        keys(random.Chance(0.05) ? 0 : random.Size(most_keys)),
        size(random.Size(40)),
        value_size(random.Size(40)),
        query(random, "query", batch, queries, heads, size),
        key(random, "key", batch, keys, kv_heads, size),
        value(random, "value", batch, keys, kv_heads, value_size) {}

  const int64_t batch, kv_heads, heads, queries, keys, size, value_size;
  Heads query, key, value;
};

void FillNumbers(Random& random, AttentionCall* call) {
  call->scale = random.Uniform();
  call->causal = random.Chance(0.3);
  call->causal_offset = random.Int(-5, 20);
  call->bias_first = random.Chance(0.5);
  call->replaces = random.Chance(0.5);
  call->masked_value = random.Chance(0.5) ? -1e9f : random.AnyFloat();
  call->soft_cap = random.Chance(0.2) ? 3.0f : 0.0f;
  call->y_scale = 0.01f;
  call->y_zero_point = static_cast<int32_t>(random.Int(0, 255));
  if (random.Chance(0.9)) return;
  float* const floats[] = {&call->scale, &call->soft_cap, &call->y_scale, &call->key_affine.scale};
  *floats[random.Int(0, 3)] = random.AnyFloat();
  if (random.Chance(0.3)) call->value_affine.zero_point = random.EdgeInt32();
}

// Sizes and views of a call, as the op derives them; false where it refuses.
bool View(const Arguments& a, AttentionCall* call) {
  const Heads* const tensors[] = {&a.query, &a.key, &a.value};
  HeadsView* const views[] = {&call->query_view, &call->key_view, &call->value_view};
  int64_t batches[3], tokens[3];
  for (int i = 0; i < 3; ++i) {
    const HeadsSpec& spec = tensors[i]->spec;
    if (!ValidateSpec(spec).ok() ||
        !ViewHeads(spec, tensors[i]->shape, &batches[i], &tokens[i], views[i]).ok()) {
      return false;
    }
    // The op has one number for those of all tensors.
    if (spec.heads != (i == 0 ? a.heads : a.kv_heads)) return false;
    if (spec.size != (i == 2 ? a.value_size : a.size)) return false;
  }
  call->batch = batches[0], call->queries = tokens[0], call->keys = tokens[1];
  return batches[0] == batches[1] && batches[0] == batches[2] && tokens[1] == tokens[2];
}

// The memory of a call, each tensor of its own, exactly as large as its shape says.
struct Memory {
  void FillTensors(Random& random, const Arguments& a, bool wild, AttentionCall* call) {
    const Heads* const tensors[] = {&a.query, &a.key, &a.value};
    const void** const data[] = {&call->query, &call->key, &call->value};
    for (int i = 0; i < 3; ++i) {
      const int64_t elements = Elements(tensors[i]->shape);
      if (call->is_u8) {
        bytes[i] = RandomArray<uint8_t>(random, elements, false);
      } else {
        floats[i] = RandomArray<float>(random, elements, wild);
      }
      *data[i] = call->is_u8 ? static_cast<const void*>(bytes[i].data()) : floats[i].data();
    }
  }

  // False where a shape is refused.
  bool FillMasks(Random& random, bool wild, AttentionCall* call) {
    const int64_t sizes[4] = {call->batch, call->heads, call->queries, call->keys};
    if (random.Chance(0.4)) {
      const Shape shape = ScoreShape(random, sizes);
      if (!ViewScores("bias", shape, sizes, &call->bias_view).ok()) return false;
      bias = RandomArray<float>(random, Elements(shape), wild);
      if (!bias.empty()) call->bias = bias.data();
    }
    if (random.Chance(0.4)) {
      const Shape shape = ScoreShape(random, sizes);
      if (!ViewScores("mask", shape, sizes, &call->mask_view).ok()) return false;
      mask = RandomArray<uint8_t>(random, Elements(shape), false);
      for (uint8_t& keep : mask) keep &= 1;
      if (!mask.empty()) call->mask = mask.data();
    }
    return true;
  }

  void FillResult(Random& random, AttentionCall* call) {
    call->y_view.head = call->value_head_size;
    call->y_view.token = call->heads * call->value_head_size;
    call->y_view.batch = call->queries * call->y_view.token;
    call->y_is_u8 = random.Chance(0.3);
    y = Exact<float>(call->batch * call->y_view.batch);
    y_bytes = Exact<uint8_t>(call->batch * call->y_view.batch);
    call->y = call->y_is_u8 ? static_cast<void*>(y_bytes.data()) : y.data();
  }

  std::vector<float> floats[3], bias, y;
  std::vector<uint8_t> bytes[3], mask, y_bytes;
};

}  // namespace

Outcome FuzzAttention(Random& random, Isa isa) {
  Arguments a(random, kMostKeys);
  Heads* const tensors[] = {&a.query, &a.key, &a.value};
  if (random.Chance(0.3)) tensors[random.Int(0, 2)]->Spoil(random);
  AttentionCall call;
  call.heads = a.heads, call.kv_heads = a.kv_heads;
  call.head_size = a.size, call.value_head_size = a.value_size;
  FillNumbers(random, &call);
  if (!View(a, &call) || !ValidateAttention(call).ok()) return Outcome::kRefused;
  const bool wild = random.Chance(0.3);
  call.is_u8 = random.Chance(0.3);
  Memory memory;
  memory.FillTensors(random, a, wild, &call);
  if (!memory.FillMasks(random, wild, &call)) return Outcome::kRefused;
  memory.FillResult(random, &call);
  const auto compute =
      random.Chance(0.5) ? AttentionCompute::kFloat32 : AttentionCompute::kBFloat16;
  RunAttention(call, ChooseAttention(isa, compute), RandomThreads(random));
  const bool masks = call.mask != nullptr || call.causal || call.bias != nullptr;
  if (!wild && !masks && !call.y_is_u8 && !call.is_u8) {
    for (float each : memory.y) {
      Require(std::abs(each) <= 1.02f, "a result is between the least and the greatest value");
    }
  }
  return Outcome::kAnswered;
}

}  // namespace tfsparse
