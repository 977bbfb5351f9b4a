#include "custom_ops/interaction/lookup_interaction.h"

#include <algorithm>
#include <mutex>

#include "custom_ops/base/aligned_buffer.h"
#include "custom_ops/interaction/interaction_kernel.h"
#include "custom_ops/interaction/row_finder.h"

namespace tfsparse {
namespace {

int64_t RoundUp(int64_t size, int64_t multiple) {
  return (size + multiple - 1) / multiple * multiple;
}

InteractionArgs ArgsOf(const InteractionPlan& plan, const InteractionCall& call,
                       const InteractionShape& shape) {
  constexpr int64_t kFloats = kAlignment / sizeof(float);
  InteractionArgs args = {};
  args.type = call.type;
  args.dense_is_u8 = call.dense_is_u8;
  args.dense_scale = call.dense_scale;
  args.dense_zero_point = call.dense_zero_point;
  args.features = plan.features();
  args.widths = shape.widths.data();
  args.combiners = plan.combiners.data();
  args.is_copied = plan.is_copied.data();
  args.value_pitch = RoundUp(*std::max_element(shape.widths.begin(), shape.widths.end()), kFloats);
  args.operands = static_cast<int64_t>(plan.operands.size());
  args.features_of = plan.operands.data();
  args.row_begin = plan.row_begin.data();
  args.row_end = plan.row_end.data();
  args.operand_pitch = RoundUp(args.operands, kOperandLanes);
  args.depth = shape.depth;
  args.row_pitch = RoundUp(shape.depth * 4, static_cast<int64_t>(kAlignment));
  args.segments = shape.segments.data();
  args.segment_count = static_cast<int64_t>(shape.segments.size());
  args.columns = shape.columns;
  args.y_is_u8 = call.y_is_u8;
  args.inv_y_scale = 1 / call.y_scale;
  args.y_zero_point = call.y_zero_point;
  return args;
}

// Hands out parts of a buffer; of none, counts them.
class Parts {
 public:
  explicit Parts(unsigned char* at) : start_(at), at_(at) {}

  template <class T>
  T* Take(int64_t count) {
    constexpr int64_t kLine = static_cast<int64_t>(kAlignment);
    unsigned char* part = at_;
    size_ += RoundUp(count * static_cast<int64_t>(sizeof(T)), kLine) + kLine;
    if (start_ != nullptr) at_ = start_ + size_;
    return reinterpret_cast<T*>(part);
  }
  int64_t size() const { return size_; }

 private:
  unsigned char* const start_;
  unsigned char* at_;
  int64_t size_ = 0;
};

int64_t Divide(const InteractionArgs& args, unsigned char* buffer, InteractionScratch* scratch) {
  Parts parts(buffer);
  scratch->values = parts.Take<float>(args.features * args.value_pitch);
  scratch->features = parts.Take<FeatureValues>(args.features);
  scratch->rows = parts.Take<unsigned char>(args.operands * args.row_pitch);
  scratch->row_at = parts.Take<const void*>(args.operands);
  scratch->lanes = parts.Take<unsigned char>(args.row_pitch * args.operand_pitch);
  scratch->dots = parts.Take<float>(args.operands * args.operand_pitch);
  scratch->scales = parts.Take<float>(args.operand_pitch);
  scratch->shifts = parts.Take<int32_t>(args.operand_pitch);
  scratch->sums = parts.Take<int32_t>(args.operand_pitch);
  scratch->y = parts.Take<float>(args.columns);
  return parts.size();
}

// The scratch of the calling thread.
InteractionScratch ScratchFor(const InteractionArgs& args) {
  thread_local AlignedBuffer<unsigned char> buffer;
  InteractionScratch scratch;
  buffer.Reserve(Divide(args, nullptr, &scratch));
  Divide(args, buffer.data(), &scratch);
  return scratch;
}

// The failure of the first item that has one, from any thread.
class FirstFailure {
 public:
  void Report(int64_t item, const Status& status) {
    const std::lock_guard lock(mutex_);
    if (!status_.ok() && item_ <= item) return;
    item_ = item;
    status_ = status;
  }
  const Status& status() const { return status_; }

 private:
  std::mutex mutex_;
  int64_t item_ = 0;
  Status status_;
};

// Items whose rows are on their way.
constexpr int64_t kMaxAhead = 8;

// How many items to look ahead: as many as have about half of the first-level cache in rows.
int64_t ItemsAhead(const InteractionCall& call, const InteractionShape& shape) {
  constexpr int64_t kBytes = 16 << 10;
  int64_t bytes = 1;
  for (int64_t width : shape.widths) bytes += width;
  bytes *= call.type == TableType::kF32 ? 4 : call.type == TableType::kBf16 ? 2 : 1;
  return std::clamp<int64_t>(kBytes / bytes, 1, kMaxAhead);
}

// Computes ranges of items.
class Worker {
 public:
  Worker(const InteractionPlan& plan, const InteractionCall& call, const InteractionShape& shape,
         Isa isa)
      : call_(call),
        finder_(plan, call),
        args_(ArgsOf(plan, call, shape)),
        function_(ChooseInteraction(isa, call.type)),
        ahead_(ItemsAhead(call, shape)) {}

  // Fails on the first id outside its table, with *item its item. Throws std::bad_alloc.
  Status Run(int64_t begin, int64_t end, int64_t* item) const {
    thread_local FoundRows ring[kMaxAhead + 1];
    const InteractionScratch scratch = ScratchFor(args_);
    const int64_t slots = ahead_ + 1;
    for (int64_t b = begin - ahead_; b < end; ++b) {
      // Items of the next block are asked for as well, which is most often this thread's, too.
      const int64_t next = b + ahead_;
      FoundRows* slot = &ring[next % slots];
      slot->line_count = 0;
      if (next < call_.batch) {
        *item = next;
        const Status status = finder_.Find(next, slot);
        if (!status.ok() && next < end) return status;
      }
      if (b < begin) {
        for (int64_t i = 0; i < slot->line_count; ++i) __builtin_prefetch(slot->lines[i]);
      } else {
        Compute(b, ring[b % slots], *slot, scratch);
      }
    }
    return {};
  }

 private:
  // Asks for the rows of another item on the way.
  void Compute(int64_t b, const FoundRows& found, const FoundRows& next,
               const InteractionScratch& scratch) const {
    InteractionItem item;
    const int64_t dense_size = call_.dense_width * (call_.dense_is_u8 ? 1 : 4);
    item.dense = call_.has_dense ? static_cast<const char*>(call_.dense) + b * dense_size : nullptr;
    item.rows = found.rows.data();
    item.counts = found.counts.data();
    item.lines = next.lines.data();
    item.line_count = next.line_count;
    item.y = static_cast<char*>(call_.y) + b * args_.columns * (call_.y_is_u8 ? 1 : 4);
    function_(args_, item, scratch);
  }

  const InteractionCall& call_;
  const RowFinder finder_;
  const InteractionArgs args_;
  const InteractionFunction function_;
  const int64_t ahead_;
};

// Of an item in cycles, roughly: multiplications of 16 lanes, and copies.
int64_t CostOf(const InteractionPlan& plan, const InteractionShape& shape) {
  const double operands = static_cast<double>(plan.operands.size());
  const double dots = operands * operands * static_cast<double>(shape.depth) / 16;
  double width = static_cast<double>(shape.columns);
  for (int64_t each : shape.widths) width += static_cast<double>(each);
  return static_cast<int64_t>(std::min(1e15, dots + width)) + 1;
}

}  // namespace

Status RunInteraction(const InteractionPlan& plan, const InteractionCall& call,
                      const InteractionShape& shape, Isa isa, const Threads& threads) {
  if (call.batch == 0) return {};
  const Worker worker(plan, call, shape, isa);
  // Items that are handed out together: the first ones find their rows not yet in cache.
  constexpr int64_t kItems = 32;
  const int64_t blocks = (call.batch + kItems - 1) / kItems;
  const int64_t cost = CostOf(plan, shape) * std::min(kItems, call.batch);
  FirstFailure failure;
  threads.Run(blocks, cost, [&](int64_t begin, int64_t end) {
    int64_t item = 0;
    const Status status = worker.Run(begin * kItems, std::min(call.batch, end * kItems), &item);
    if (!status.ok()) failure.Report(item, status);
  });
  return failure.status();
}

}  // namespace tfsparse
