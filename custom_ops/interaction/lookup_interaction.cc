#include "custom_ops/interaction/lookup_interaction.h"

#include <algorithm>
#include <mutex>

#include "custom_ops/base/aligned_buffer.h"
#include "custom_ops/interaction/interaction_kernel.h"
#include "custom_ops/interaction/prefetch_lookups.h"
#include "custom_ops/interaction/row_finder.h"

namespace tfsparse {
namespace {

int64_t RoundUp(int64_t size, int64_t multiple) {
  return (size + multiple - 1) / multiple * multiple;
}

InteractionArgs ArgsOf(const InteractionPlan& plan, const InteractionCall& call,
                       const InteractionShape& shape, const LookupTable* tables) {
  constexpr int64_t kFloats = kAlignment / sizeof(float);
  InteractionArgs args = {};
  args.type = call.type;
  args.dense_is_u8 = call.dense_is_u8;
  args.dense_scale = call.dense_scale;
  args.dense_zero_point = call.dense_zero_point;
  args.tables = tables;
  args.features = plan.features();
  args.widths = shape.widths.data();
  args.combiners = plan.combiners.data();
  args.is_copied = plan.is_copied.data();
  args.value_pitch = RoundUp(*std::max_element(shape.widths.begin(), shape.widths.end()), kFloats);
  args.operands = static_cast<int64_t>(plan.operands.size());
  args.operand_of = plan.operand_of.data();
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

int64_t Divide(const InteractionArgs& args, int64_t group, unsigned char* buffer,
               InteractionScratch* scratch) {
  Parts parts(buffer);
  scratch->values = parts.Take<float>(group * args.features * args.value_pitch);
  scratch->features = parts.Take<FeatureValues>(group * args.features);
  scratch->rows = parts.Take<unsigned char>(group * args.operands * args.row_pitch);
  scratch->stride = 1;
  scratch->row_at = parts.Take<const void*>(args.operands * group);
  scratch->scales = parts.Take<float>(args.operand_pitch * group);
  scratch->shifts = parts.Take<int32_t>(args.operand_pitch * group);
  scratch->sums = parts.Take<int32_t>(args.operand_pitch * group);
  scratch->lanes = parts.Take<unsigned char>(
      std::max(args.row_pitch * args.operand_pitch, args.operands * kGroupDepth * group * 4));
  const int64_t rows = RoundUp(args.operands, kOperandLanes);
  scratch->dots = parts.Take<float>(rows * args.operand_pitch * group);
  scratch->y = parts.Take<float>(args.columns);
  return parts.size();
}

// The scratch of the calling thread.
InteractionScratch ScratchFor(const InteractionArgs& args, int64_t group) {
  thread_local AlignedBuffer<unsigned char> buffer;
  InteractionScratch scratch;
  buffer.Reserve(Divide(args, group, nullptr, &scratch));
  Divide(args, group, buffer.data(), &scratch);
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

// Items that are computed together: one, where there are few, or operands so many that a group's
// dots would take hundreds of megabytes.
int64_t GroupOf(const InteractionPlan& plan, const InteractionCall& call,
                const InteractionKernel& kernel) {
  constexpr size_t kMaxOperands = 512;
  return call.batch < kernel.group || plan.operands.size() > kMaxOperands ? 1 : kernel.group;
}

// Computes blocks of items.
class Worker {
 public:
  Worker(const InteractionPlan& plan, const InteractionCall& call, const InteractionShape& shape,
         Isa isa)
      : call_(call),
        finder_(plan, call),
        args_(ArgsOf(plan, call, shape, finder_.tables())),
        kernel_(ChooseInteraction(isa, call.type)),
        group_(GroupOf(plan, call, kernel_)),
        ahead_(group_ > 1 ? group_ : ItemsAhead(call, shape)) {}

  int64_t blocks() const { return (call_.batch + kBlockItems - 1) / kBlockItems; }

  // Fails on the first id outside its table, with *item its item. Throws std::bad_alloc.
  Status Run(int64_t begin, int64_t end, int64_t* item) const {
    thread_local FoundRows found[2];
    const InteractionScratch scratch = ScratchFor(args_, group_);
    Status status = Find(begin, &found[begin % 2], item);
    for (int64_t block = begin; block < end && status.ok(); ++block) {
      const FoundRows &rows = found[block % 2], &next = found[(block + 1) % 2];
      // The next block is asked for as well: most often this thread computes it, too.
      int64_t next_item = 0;
      const Status next_status = Find(block + 1, &found[(block + 1) % 2], &next_item);
      const int64_t items = ItemsOf(block), next_items = next_status.ok() ? ItemsOf(block + 1) : 0;
      InteractionItem group[kMaxGroup];
      int64_t waiting = 0;
      for (int64_t i = block == begin ? -ahead_ : 0; i < items; ++i) {
        InteractionItem& each = group[waiting];
        each = ItemAt(block, i, rows);
        if (i + ahead_ < items) {
          SetNext(block, i + ahead_, rows, &each);
        } else if (i + ahead_ - items < next_items) {
          SetNext(block + 1, i + ahead_ - items, next, &each);
        }
        if (i < 0) {
          Prefetch(each);
        } else if (waiting + 1 == group_ || i - waiting + group_ > items) {
          // All of a group, or an item of those that are too few for one.
          group_ > 1 && waiting + 1 == group_ ? kernel_.run_group(args_, group, scratch)
                                              : kernel_.run(args_, each, scratch);
          waiting = 0;
        } else {
          ++waiting;
        }
      }
      status = next_status;
      *item = next_item;
    }
    return status;
  }

 private:
  int64_t ItemsOf(int64_t block) const {
    return std::clamp<int64_t>(call_.batch - block * kBlockItems, 0, kBlockItems);
  }

  // Of a block beyond the last one, nothing.
  Status Find(int64_t block, FoundRows* found, int64_t* item) const {
    const int64_t begin = block * kBlockItems;
    return ItemsOf(block) == 0 ? Status()
                               : finder_.Find(begin, begin + ItemsOf(block), found, item);
  }

  const void* DenseAt(int64_t b) const {
    const int64_t size = call_.dense_width * (call_.dense_is_u8 ? 1 : 4);
    return call_.has_dense ? static_cast<const char*>(call_.dense) + b * size : nullptr;
  }

  InteractionItem ItemAt(int64_t block, int64_t index, const FoundRows& rows) const {
    const int64_t b = block * kBlockItems + index;
    InteractionItem item = {};
    item.block = &rows.view;
    item.index = index;
    if (index < 0) return item;
    item.dense = DenseAt(b);
    item.y = static_cast<char*>(call_.y) + b * args_.columns * (call_.y_is_u8 ? 1 : 4);
    return item;
  }

  void SetNext(int64_t block, int64_t index, const FoundRows& rows, InteractionItem* item) const {
    item->next_block = &rows.view;
    item->next_index = index;
    item->next_dense = DenseAt(block * kBlockItems + index);
  }

  void Prefetch(const InteractionItem& item) const {
    if (item.next_block != nullptr) PrefetchLookups(args_, item, 0, args_.features - 1);
  }

  const InteractionCall& call_;
  const RowFinder finder_;
  const InteractionArgs args_;
  const InteractionKernel kernel_;
  const int64_t group_, ahead_;
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
  // Memory bounds the number of items only where y has some for each.
  if (call.batch == 0 || shape.columns == 0) return {};
  const Worker worker(plan, call, shape, isa);
  // Blocks are what is handed out: the first items of one find their rows not yet in cache.
  const int64_t cost = CostOf(plan, shape) * std::min(kBlockItems, call.batch);
  FirstFailure failure;
  threads.Run(worker.blocks(), cost, [&](int64_t begin, int64_t end) {
    int64_t item = 0;
    const Status status = worker.Run(begin, end, &item);
    if (!status.ok()) failure.Report(item, status);
  });
  return failure.status();
}

}  // namespace tfsparse
