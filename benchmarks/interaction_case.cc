#include "benchmarks/interaction_case.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <memory>
#include <new>
#include <random>

#include "benchmarks/thread_pool.h"
#include "benchmarks/timing.h"

namespace tfsparse {
namespace {

constexpr double kSeconds = 1;    // measured per case, both sides together
constexpr int64_t kItems = 4096;  // that calls take in turn
constexpr int64_t kLine = 64;

int64_t SizeOf(TableType type) {
  return type == TableType::kF32 ? 4 : type == TableType::kBf16 ? 2 : 1;
}

uint32_t BitsOf(float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof(bits));
  return bits;
}

class Data {
 public:
  explicit Data(const InteractionCase& c) : case_(c), row_size_(c.depth * SizeOf(c.type)) {
    std::mt19937 random(1);
    for (int64_t t = 0; t < c.tables; ++t) {
      tables_.push_back(MakeTable(&random));
      scales_.emplace_back(static_cast<size_t>(c.rows), 0.02f);
      std::vector<int64_t> ids;
      for (int64_t b = 0; b < kItems; ++b) ids.push_back(random() % c.rows);
      ids_.push_back(std::move(ids));
    }
    for (int64_t i = 0; i < kItems * c.depth; ++i) {
      bytes_.push_back(static_cast<uint8_t>(random()));
      floats_.push_back(static_cast<float>(bytes_.back()) / 64 - 2);
    }
  }

  Status MakePlan() {
    InteractionAttributes a;
    a.table_count = a.ids_count = case_.tables;
    a.columns = {0, -1};
    for (int64_t i = 0; i <= case_.tables; ++i) {
      if (i > 0) a.tables.push_back(i - 1), a.ids.push_back(i - 1);
      for (int64_t j = 0; j < i; ++j) a.columns.insert(a.columns.end(), {i, j});
    }
    a.columns.insert(a.columns.end(), {-1, -1});
    return InteractionPlan::Create(a, &plan_);
  }

  // Of items from `first` on.
  InteractionCall Call(int64_t first, int64_t batch) {
    const bool is_int8 = case_.type == TableType::kS8;
    InteractionCall call;
    call.batch = batch;
    call.has_dense = true;
    call.dense_is_u8 = call.y_is_u8 = is_int8;
    call.dense = is_int8 ? static_cast<const void*>(bytes_.data() + first * case_.depth)
                         : static_cast<const void*>(floats_.data() + first * case_.depth);
    call.dense_width = case_.depth;
    call.dense_scale = 0.02f;
    call.y_scale = 0.1f;
    call.type = case_.type;
    for (int64_t t = 0; t < case_.tables; ++t) {
      InteractionTable table;
      table.data = tables_[t].get();
      table.rows = case_.rows, table.width = case_.depth;
      if (is_int8) table.scales = scales_[t].data(), table.has_row_scales = case_.row_scales;
      call.tables.push_back(table);
      InteractionInts ids;
      ids.data = ids_[t].data() + first;
      ids.is_64 = true;
      ids.size = ids.items = batch;
      call.ids.push_back(ids);
    }
    y_.resize(static_cast<size_t>(kItems * 4 * 512));
    call.y = y_.data();
    return call;
  }

  // Runs a call as the op does, its shape included.
  Status Run(const InteractionCall& call, Isa isa, const Threads& threads) const {
    InteractionShape shape;
    if (Status status = ShapeInteraction(plan_, call, &shape); !status.ok()) return status;
    return RunInteraction(plan_, call, shape, isa, threads);
  }

  Status Check() {
    constexpr int64_t kChecked = 16;
    const InteractionCall call = Call(0, kChecked);
    const int64_t size = kChecked * (case_.depth + case_.tables * (case_.tables + 1) / 2 + 1);
    if (Status status = Run(call, case_.isa, Threads()); !status.ok()) return status;
    const std::vector<char> ours = y_;
    if (Status status = Run(call, Isa::kPortable, Threads()); !status.ok()) return status;
    for (int64_t i = 0; i < size; ++i) {
      float a = ours[i], b = y_[i];
      if (!call.y_is_u8) {
        std::memcpy(&a, ours.data() + 4 * i, 4);
        std::memcpy(&b, y_.data() + 4 * i, 4);
      }
      if (std::abs(a - b) <= (call.y_is_u8 ? 0 : 1e-3f)) continue;
      return Status::Invalid("wrong result at element ", i, ": ", b, ", received ", a);
    }
    return {};
  }

  // Reads the rows of items, each asked for `ahead` items before.
  void ReadRows(int64_t first, int64_t batch, int64_t ahead) {
    for (int64_t b = -ahead; b < batch; ++b) {
      if (b + ahead < batch) {
        for (int64_t t = 0; t < case_.tables; ++t) {
          const char* row = RowAt(t, first + b + ahead);
          for (int64_t i = 0; i < row_size_; i += kLine) __builtin_prefetch(row + i);
        }
      }
      if (b < 0) continue;
      for (int64_t t = 0; t < case_.tables; ++t) {
        const char* row = RowAt(t, first + b);
        for (int64_t i = 0; i < row_size_; i += kLine) read_ += row[i];
      }
    }
  }

  int64_t read() const { return read_; }

 private:
  // On pages and lines as TensorFlow's allocator has them.
  using Table = std::unique_ptr<char, decltype(&std::free)>;

  Table MakeTable(std::mt19937* random) const {
    const size_t table_size =
        static_cast<size_t>(case_.rows * row_size_ + kLine - 1) / kLine * kLine;
    Table table(static_cast<char*>(std::aligned_alloc(kLine, table_size)), &std::free);
    if (table == nullptr) throw std::bad_alloc();
    std::vector<uint32_t> some;
    for (int i = 0; i < 4096; ++i) {
      const uint32_t bits = (*random)();
      const float value = static_cast<float>(bits % 512) / 256 - 1;
      some.push_back(case_.type == TableType::kS8 ? bits : BitsOf(value));
    }
    if (case_.type == TableType::kBf16) {
      for (uint32_t& each : some) each = (each & 0xffff0000u) | each >> 16;
    }
    const size_t size = some.size() * 4;
    for (size_t at = 0; at < table_size; at += size) {
      std::memcpy(table.get() + at, some.data(), std::min(size, table_size - at));
    }
    return table;
  }

  const char* RowAt(int64_t table, int64_t item) const {
    return tables_[table].get() + ids_[table][item] * row_size_;
  }

  const InteractionCase case_;
  const int64_t row_size_;
  InteractionPlan plan_;
  std::vector<Table> tables_;
  std::vector<std::vector<float>> scales_;
  std::vector<std::vector<int64_t>> ids_;
  std::vector<uint8_t> bytes_;
  std::vector<float> floats_;
  std::vector<char> y_;
  volatile int64_t read_ = 0;
};

// Whose rows an item of a batch asks for.
int64_t BestAhead(Data* data, int64_t batch) {
  if (batch == 1) return 0;
  int64_t best = 0;
  double least = 1e30;
  for (int64_t ahead : {1, 2, 4, 8}) {
    std::vector<double> times;
    for (int i = 0; i < 5; ++i) {
      times.push_back(Milliseconds([&] { data->ReadRows(0, batch, ahead); }));
    }
    if (Median(times) < least) least = Median(times), best = ahead;
  }
  return best;
}

}  // namespace

Status RunInteractionCase(const InteractionCase& c, InteractionResult* result) {
  Data data(c);
  if (Status status = data.MakePlan(); !status.ok()) return status;
  if (Status status = data.Check(); !status.ok()) return status;
  ThreadPool pool(c.threads);
  const Threads threads = pool.threads();
  // All items in each measurement, so that one call's rows are not in cache in the next.
  std::vector<InteractionCall> calls;
  for (int64_t b = 0; b + c.batch <= kItems; b += c.batch) calls.push_back(data.Call(b, c.batch));
  const int64_t ahead = BestAhead(&data, c.batch);
  const auto ours = [&] {
    for (const InteractionCall& call : calls) (void)data.Run(call, c.isa, threads);
  };
  const auto rows = [&] {
    for (int64_t b = 0; b + c.batch <= kItems; b += c.batch) data.ReadRows(b, c.batch, ahead);
  };
  const auto ms = TimeInTurns<2>({ours, rows}, kSeconds);
  const double items = static_cast<double>(calls.size()) * static_cast<double>(c.batch);
  result->ns = ms[0] * 1e6 / items;
  result->rows_ns = ms[1] * 1e6 / items;
  const double features = static_cast<double>(c.tables + 1);
  result->macs = features * (features - 1) / 2 * static_cast<double>(c.depth);
  return {};
}

std::vector<InteractionCase> StandardInteractionCases() {
  std::vector<InteractionCase> cases;
  for (TableType type : {TableType::kS8, TableType::kBf16, TableType::kF32}) {
    for (bool row_scales : {false, true}) {
      if (row_scales && type != TableType::kS8) continue;
      for (int64_t batch : {2048, 256, 1}) {
        InteractionCase c;
        c.type = type;
        c.row_scales = row_scales;
        c.batch = batch;
        cases.push_back(c);
      }
    }
  }
  return cases;
}

}  // namespace tfsparse
