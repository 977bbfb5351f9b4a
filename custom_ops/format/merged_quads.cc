#include "custom_ops/format/merged_quads.h"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

namespace tfsparse {
namespace {

constexpr int kFull = 15;  // the pattern of a quad that stores all of its inputs
constexpr int64_t kGroupValues = int64_t{kTileOutputs} * kTileQuads * 4;

// Cycles of the time stamp counter for a group and a vector of 16 rows, by the number of
// sources, as measured with 1024 inputs on Granite Rapids. The product alone takes 13.
constexpr int kGroupCycles[] = {25, 33, 47, 58, 69};

// A window of 16 neighbouring quads is a group as it is from so many stored inputs on.
// What is best depends on what merging would make of it; so all are tried.
constexpr int kDenseWindows[] = {1, 24, 32, 40, 48, 56, 64};

// Patterns with more bits first: a quad that is nearly full finds little that fits.
constexpr std::array<int, 15> kByBits = {15, 14, 13, 11, 7, 12, 10, 9, 6, 5, 3, 8, 4, 2, 1};

int Bits(int pattern) { return __builtin_popcount(static_cast<unsigned>(pattern)); }

// A quad of x and which of its inputs are stored.
struct Quad {
  int32_t column;
  int pattern;
};

// What one quad of weights is multiplied with.
struct MergedQuad {
  int count = 0;
  std::array<Quad, 4> sources;
};

// The groups of a strip.
struct Plan {
  std::vector<int32_t> windows;    // first quads of windows that are groups
  std::vector<MergedQuad> merged;  // most sources first

  int64_t groups() const {
    return static_cast<int64_t>(windows.size() + (merged.size() + kTileQuads - 1) / kTileQuads);
  }
  int64_t cycles() const {
    int64_t sum = static_cast<int64_t>(windows.size()) * kGroupCycles[0];
    for (size_t i = 0; i < merged.size(); i += kTileQuads) sum += kGroupCycles[merged[i].count];
    return sum;
  }
};

// Merges quads, ascending in column, into as few as it easily can.
std::vector<MergedQuad> Merge(const std::vector<Quad>& quads) {
  std::array<std::vector<Quad>, 16> left;
  for (auto quad = quads.rbegin(); quad != quads.rend(); ++quad) {
    left[quad->pattern].push_back(*quad);
  }
  std::vector<MergedQuad> merged;
  for (size_t first = 0; first < kByBits.size(); ++first) {
    while (!left[kByBits[first]].empty()) {
      MergedQuad made;
      int free = kFull;
      for (size_t i = first; i < kByBits.size() && free != 0; ++i) {
        std::vector<Quad>& fitting = left[kByBits[i]];
        if ((kByBits[i] & ~free) != 0 || fitting.empty()) continue;
        made.sources[made.count++] = fitting.back();
        fitting.pop_back();
        free &= ~kByBits[i];
      }
      merged.push_back(made);
    }
  }
  std::sort(merged.begin(), merged.end(), [](const MergedQuad& a, const MergedQuad& b) {
    return a.count != b.count ? a.count > b.count : a.sources[0].column < b.sources[0].column;
  });
  return merged;
}

Plan PlanWith(const std::vector<Quad>& quads, int dense_window) {
  Plan plan;
  std::vector<Quad> rest;
  for (size_t i = 0; i < quads.size();) {
    const int32_t window = quads[i].column / kTileQuads;
    int inputs = 0;
    size_t end = i;
    for (; end < quads.size() && quads[end].column / kTileQuads == window; ++end) {
      inputs += Bits(quads[end].pattern);
    }
    if (inputs >= dense_window) {
      plan.windows.push_back(window * kTileQuads);
    } else {
      rest.insert(rest.end(), quads.begin() + i, quads.begin() + end);
    }
    i = end;
  }
  plan.merged = Merge(rest);
  return plan;
}

Plan BestPlan(const std::vector<Quad>& quads) {
  Plan best = PlanWith(quads, kDenseWindows[0]);
  for (int dense_window : kDenseWindows) {
    Plan plan = PlanWith(quads, dense_window);
    if (plan.cycles() < best.cycles()) best = std::move(plan);
  }
  return best;
}

class Packer {
 public:
  explicit Packer(const BlockSparseMatrix<int8_t>& matrix)
      : matrix_(matrix), patterns_((matrix.in + 3) / 4), places_((matrix.in + 3) / 4) {}

  PackedWeights<int8_t> Run() {
    PackedWeights<int8_t> packed;
    packed.out = matrix_.out;
    packed.in = matrix_.in;
    packed.layout = Layout::kMergedQuads;
    packed.height = kTileOutputs;
    for (int64_t out = 0; out < matrix_.out; out += kTileOutputs) {
      const Plan plan = BestPlan(StoredQuads(out));
      packed.strips.push_back({static_cast<int32_t>(out), plan.groups(),
                               static_cast<int64_t>(columns_.size()),
                               static_cast<int64_t>(values_.size())});
      WriteColumns(plan);
      WriteValues(out, plan.groups());
    }
    packed.columns.Reserve(static_cast<int64_t>(columns_.size()));
    packed.values.Reserve(static_cast<int64_t>(values_.size()));
    std::copy(columns_.begin(), columns_.end(), packed.columns.data());
    std::copy(values_.begin(), values_.end(), packed.values.data());
    return packed;
  }

 private:
  // Calls visit(output, first input, width, elements) for each row of a block in outputs
  // [out, out + 16), less what sticks out of the matrix.
  template <class Visit>
  void ForRows(int64_t out, Visit visit) const {
    const int64_t end = std::min(out + kTileOutputs, matrix_.out);
    for (int64_t n = out; n < end; ++n) {
      const int64_t row = n / matrix_.block_out;
      for (int64_t b = matrix_.indptr[row]; b < matrix_.indptr[row + 1]; ++b) {
        const int64_t first = matrix_.indices[b] * matrix_.block_in;
        visit(n, first, std::min(matrix_.block_in, matrix_.in - first),
              matrix_.block(b) + n % matrix_.block_out * matrix_.block_in);
      }
    }
  }

  // The quads that outputs from `out` on store, ascending.
  std::vector<Quad> StoredQuads(int64_t out) {
    std::vector<Quad> quads;
    ForRows(out, [&](int64_t, int64_t first, int64_t width, const int8_t*) {
      for (int64_t input = first; input < first + width; ++input) {
        if (patterns_[input / 4] == 0) quads.push_back({static_cast<int32_t>(input / 4), 0});
        patterns_[input / 4] |= static_cast<uint8_t>(1 << input % 4);
      }
    });
    std::sort(quads.begin(), quads.end(),
              [](const Quad& a, const Quad& b) { return a.column < b.column; });
    for (Quad& quad : quads) quad.pattern = std::exchange(patterns_[quad.column], uint8_t{0});
    return quads;
  }

  // Appends the columns of a strip and notes at which quad of its groups each lies.
  void WriteColumns(const Plan& plan) {
    int32_t place = 0;
    for (int32_t window : plan.windows) {
      columns_.insert(columns_.end(), {0, window});
      const int64_t end = std::min<int64_t>(window + kTileQuads, places_.size());
      for (int64_t column = window; column < end; ++column) {
        places_[column] = place + static_cast<int32_t>(column - window);
      }
      place += kTileQuads;
    }
    for (size_t i = 0; i < plan.merged.size(); i += kTileQuads, place += kTileQuads) {
      WriteGroup(plan, i, place);
    }
  }

  // Merged quads i .. i + 15, those there are; the others read what the first one reads.
  void WriteGroup(const Plan& plan, size_t i, int32_t place) {
    const int sources = plan.merged[i].count;
    columns_.push_back(sources);
    std::vector<int32_t> patterns;
    for (int s = 0; s < sources; ++s) {
      for (int q = 0; q < kTileQuads; ++q) {
        const bool inside = i + q < plan.merged.size();
        const MergedQuad& merged = plan.merged[inside ? i + q : i];
        const bool adds = inside && s < merged.count;
        const Quad& source = merged.sources[adds ? s : 0];
        columns_.push_back(source.column);
        if (s > 0) patterns.push_back(adds ? source.pattern : 0);
        if (adds) places_[source.column] = place + q;
      }
    }
    columns_.insert(columns_.end(), patterns.begin(), patterns.end());
  }

  void WriteValues(int64_t out, int64_t groups) {
    const size_t begin = values_.size();
    values_.resize(begin + groups * kGroupValues);
    ForRows(out, [&](int64_t n, int64_t first, int64_t width, const int8_t* w) {
      int8_t* values = values_.data() + begin + (n - out) * kTileQuads * 4;
      for (int64_t input = first; input < first + width; ++input) {
        const int64_t place = places_[input / 4];
        values[place / kTileQuads * kGroupValues + place % kTileQuads * 4 + input % 4] =
            w[input - first];
      }
    });
  }

  const BlockSparseMatrix<int8_t>& matrix_;
  std::vector<uint8_t> patterns_;  // of each quad, all zero between strips
  std::vector<int32_t> places_;    // of each quad the strip stores: quads before it
  std::vector<int32_t> columns_;
  std::vector<int8_t> values_;
};

}  // namespace

int64_t MergedQuadsCycles(const PackedWeights<int8_t>& packed) {
  int64_t cycles = 0;
  for (const Strip& strip : packed.strips) {
    const int32_t* column = packed.columns.data() + strip.column;
    for (int64_t g = 0; g < strip.groups; ++g) {
      const int sources = *column;
      cycles += kGroupCycles[sources];
      column += sources == 0 ? 2 : 1 + kTileQuads * (2 * sources - 1);
    }
  }
  return cycles;
}

PackedWeights<int8_t> PackMergedQuads(const BlockSparseMatrix<int8_t>& matrix) {
  return Packer(matrix).Run();
}

}  // namespace tfsparse
