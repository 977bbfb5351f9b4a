#include "custom_ops/attention/attention.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cmath>
#include <string>

#include "custom_ops/base/aligned_buffer.h"
#include "custom_ops/engine/quantization_checks.h"

namespace tfsparse {
namespace {

// Floats to the next cache line.
int64_t Lines(int64_t floats) {
  constexpr int64_t kLine = kAlignment / sizeof(float);
  return (floats + kLine - 1) / kLine * kLine;
}

// What the scratch of a thread has the packed keys and values of: a head, by its number, of a call.
struct Packed {
  int64_t call = -1, head = -1;
};

// The scratch of the calling thread.
AttentionScratch ScratchFor(const AttentionCall& call) {
  thread_local AlignedBuffer<float> buffer;
  const int64_t block = std::min(kKeyBlock, call.keys + 1);
  const int64_t sizes[] = {
      Lines(kMaxQueries * (call.head_size + 1)), Lines(kMaxQueries * kKeyBlock),
      Lines(kMaxQueries * call.value_head_size), Lines(block * (call.head_size + 1)),
      Lines(block * call.value_head_size)};
  int64_t total = 0;
  for (int64_t size : sizes) total += size;
  buffer.Reserve(total);
  AttentionScratch scratch;
  float* next = buffer.data();
  int i = 0;
  for (float** part :
       {&scratch.query, &scratch.scores, &scratch.context, &scratch.key, &scratch.value}) {
    *part = next;
    next += sizes[i++];
  }
  return scratch;
}

// Where each row of a tile has its things. Rows are the queries of all heads that share keys,
// head after head.
class Tile {
 public:
  Tile(const AttentionCall& call, int64_t batch, int64_t kv_head, int64_t first, int64_t rows);

  // The arguments of a kernel; they point into this.
  AttentionTileArgs Args(const AttentionScratch& scratch, bool rows_are_packed) const;

  // Gives 0 for each query all of whose keys are hidden.
  void ZeroHidden() const;

 private:
  bool IsHidden(int64_t row) const;
  void FillRow(int64_t row, int64_t head, int64_t query);

  const AttentionCall& call_;
  const int64_t batch_, kv_head_, rows_;
  std::array<const void*, kMaxQueries> query_at_;
  std::array<const float*, kMaxQueries> bias_at_;
  std::array<const uint8_t*, kMaxQueries> mask_at_;
  std::array<int64_t, kMaxQueries> visible_;
  std::array<void*, kMaxQueries> y_at_;
};

int64_t SizeOf(bool is_u8) { return is_u8 ? 1 : static_cast<int64_t>(sizeof(float)); }

int64_t At(const HeadsView& view, int64_t batch, int64_t head, int64_t token) {
  return view.offset + batch * view.batch + head * view.head + token * view.token;
}

int64_t At(const ScoreView& view, int64_t batch, int64_t head, int64_t query) {
  return batch * view.batch + head * view.head + query * view.query;
}

const void* Place(const void* data, bool is_u8, int64_t element) {
  return static_cast<const char*>(data) + element * SizeOf(is_u8);
}

Tile::Tile(const AttentionCall& call, int64_t batch, int64_t kv_head, int64_t first, int64_t rows)
    : call_(call), batch_(batch), kv_head_(kv_head), rows_(rows) {
  const int64_t group = call.heads / call.kv_heads;
  int64_t head = kv_head * group + first / call.queries, query = first % call.queries;
  for (int64_t row = 0; row < rows; ++row) {
    FillRow(row, head, query);
    if (++query == call.queries) query = 0, ++head;
  }
}

void Tile::FillRow(int64_t row, int64_t head, int64_t query) {
  const AttentionCall& c = call_;
  query_at_[row] = Place(c.query, c.is_u8, At(c.query_view, batch_, head, query));
  if (c.bias != nullptr) bias_at_[row] = c.bias + At(c.bias_view, batch_, head, query);
  if (c.mask != nullptr) mask_at_[row] = c.mask + At(c.mask_view, batch_, head, query);
  visible_[row] = std::clamp<int64_t>(query + 1 + c.causal_offset, 0, c.keys);
  const int64_t y = At(c.y_view, batch_, head, query);
  y_at_[row] = static_cast<char*>(c.y) + y * SizeOf(c.y_is_u8);
}

template <class Rows>
bool AreTheSame(const Rows& rows, int64_t count) {
  return std::all_of(rows.begin(), rows.begin() + count,
                     [&](const auto* row) { return row == rows[0]; });
}

AttentionTileArgs Tile::Args(const AttentionScratch& scratch, bool rows_are_packed) const {
  const AttentionCall& c = call_;
  AttentionTileArgs args = {};
  args.rows = rows_;
  args.keys = c.keys;
  args.head_size = c.head_size;
  args.value_head_size = c.value_head_size;
  args.is_u8 = c.is_u8;
  args.query_at = query_at_.data();
  args.key = Place(c.key, c.is_u8, At(c.key_view, batch_, kv_head_, 0));
  args.value = Place(c.value, c.is_u8, At(c.value_view, batch_, kv_head_, 0));
  args.key_stride = c.key_view.token;
  args.value_stride = c.value_view.token;
  args.query_affine = c.query_affine;
  args.key_affine = c.key_affine;
  args.value_affine = c.value_affine;
  args.scale = c.scale;
  args.soft_cap = c.soft_cap;
  if (c.bias != nullptr) {
    args.bias_at = bias_at_.data();
    args.bias_stride = c.bias_view.key;
    args.bias_is_shared = AreTheSame(bias_at_, rows_);
  }
  if (c.mask != nullptr) {
    args.mask_at = mask_at_.data();
    args.mask_stride = c.mask_view.key;
    args.mask_is_shared = AreTheSame(mask_at_, rows_);
  }
  if (c.causal) args.visible = visible_.data();
  args.bias_first = c.bias_first;
  args.replaces = c.replaces;
  args.masked_value = c.masked_value;
  args.y_at = y_at_.data();
  args.y_is_u8 = c.y_is_u8;
  args.inv_y_scale = 1 / c.y_scale;
  args.y_zero_point = c.y_zero_point;
  args.scratch = scratch;
  args.rows_are_packed = rows_are_packed;
  return args;
}

bool Tile::IsHidden(int64_t row) const {
  const int64_t keys = call_.causal ? visible_[row] : call_.keys;
  if (keys == 0 || call_.mask == nullptr) return keys == 0;
  const uint8_t* mask = mask_at_[row];
  const int64_t stride = call_.mask_view.key, end = stride == 0 ? 1 : keys;
  for (int64_t key = 0; key < end; ++key) {
    if (mask[key * stride] != 0) return false;
  }
  return true;
}

void Tile::ZeroHidden() const {
  for (int64_t row = 0; row < rows_; ++row) {
    if (!IsHidden(row)) continue;
    if (call_.y_is_u8) {
      std::fill_n(static_cast<uint8_t*>(y_at_[row]), call_.value_head_size,
                  static_cast<uint8_t>(call_.y_zero_point));
    } else {
      std::fill_n(static_cast<float*>(y_at_[row]), call_.value_head_size, 0.0f);
    }
  }
}

// No keys: a sum of nothing, for each query.
void FillWithZero(const AttentionCall& call) {
  const int64_t size = call.batch * call.heads * call.queries * call.value_head_size;
  if (call.y_is_u8) {
    std::fill_n(static_cast<uint8_t*>(call.y), size, static_cast<uint8_t>(call.y_zero_point));
  } else {
    std::fill_n(static_cast<float*>(call.y), size, 0.0f);
  }
}

// Of a tile in cycles, roughly: multiplications of 16 lanes, and a softmax.
int64_t CostOf(const AttentionCall& call, int64_t rows) {
  const double sums = static_cast<double>(rows) * static_cast<double>(call.keys);
  const double sizes = static_cast<double>(call.head_size + call.value_head_size);
  return static_cast<int64_t>(std::min(1e15, sums * (sizes + 32) / 16)) + 1;
}

Status CheckAffine(const std::string& name, const Affine& affine) {
  if (Status status = CheckScale(name + "_scale", affine.scale); !status.ok()) return status;
  return CheckZeroPoint(name + "_zero_point", affine.zero_point);
}

}  // namespace

Status ValidateAttention(const AttentionCall& call) {
  if (call.heads < 1 || call.kv_heads < 1 || call.heads % call.kv_heads != 0) {
    return Status::Invalid("`kv_heads` should divide `heads`. Received: heads=", call.heads,
                           ", kv_heads=", call.kv_heads);
  }
  if (!std::isfinite(call.scale)) {
    return Status::Invalid("`scale` should be finite. Received: scale=", call.scale);
  }
  // Kernels multiply by its inverse.
  const bool has_inverse = call.soft_cap == 0 || std::isfinite(1 / call.soft_cap);
  if (!(call.soft_cap >= 0) || !std::isfinite(call.soft_cap) || !has_inverse) {
    return Status::Invalid(
        "`soft_cap` should be finite and at least 0, and its inverse finite. Received: soft_cap=",
        call.soft_cap);
  }
  if (std::isnan(call.masked_value)) {
    return Status::Invalid("`masked_value` should be a number. Received: masked_value=nan");
  }
  for (const Status& status :
       {CheckAffine("query", call.query_affine), CheckAffine("key", call.key_affine),
        CheckAffine("value", call.value_affine),
        CheckAffine("y", {call.y_scale, call.y_zero_point})}) {
    if (!status.ok()) return status;
  }
  if (std::isfinite(1 / call.y_scale)) return {};
  return Status::Invalid("`y_scale` should have a finite inverse. Received: ", call.y_scale);
}

void RunAttention(const AttentionCall& call, const AttentionKernel& kernel,
                  const Threads& threads) {
  if (call.batch == 0 || call.queries == 0) return;
  if (call.keys == 0) return FillWithZero(call);
  const int64_t rows = call.heads / call.kv_heads * call.queries;
  const int64_t tiles = (rows + kernel.queries - 1) / kernel.queries;
  const int64_t cost = CostOf(call, std::min<int64_t>(rows, kernel.queries));
  static std::atomic<int64_t> calls = 0;
  const int64_t number = calls++;
  threads.Run(call.batch * call.kv_heads * tiles, cost, [&](int64_t begin, int64_t end) {
    thread_local Packed packed;
    const AttentionScratch scratch = ScratchFor(call);
    for (int64_t item = begin; item < end; ++item) {
      const int64_t first = item % tiles * kernel.queries, head = item / tiles;
      const int64_t count = std::min<int64_t>(kernel.queries, rows - first);
      const Tile tile(call, head / call.kv_heads, head % call.kv_heads, first, count);
      const bool is_packed = packed.call == number && packed.head == head && call.keys <= kKeyBlock;
      kernel.run(tile.Args(scratch, is_packed));
      if (call.zero_masked) tile.ZeroHidden();
      packed = {number, head};
    }
  });
}

}  // namespace tfsparse
