#include "custom_ops/format/amx_tiles.h"

#include <algorithm>
#include <array>
#include <limits>
#include <utility>
#include <vector>

namespace tfsparse {
namespace {

constexpr int kFull = 15;  // the pattern of a quad that stores all of its inputs

// Ranges of panels per thread, for threads that start late or meet fuller panels.
constexpr int64_t kPartsPerThread = 4;

// To find what merges with what, roughly.
constexpr int64_t kCyclesPerWeight = 20;

constexpr int64_t kGroupValues = int64_t{kTileOutputs} * kTileGroups * 4;

// Cycles of the time stamp counter for a group and a vector of 16 rows, by the number of
// sources, as measured with 1024 inputs on Granite Rapids, and 22 more for what is gathered: on
// Emerald Rapids it took 15 more with 1024 inputs and 37 with 128. The product alone takes 13.
constexpr int kGroupCycles[] = {25, 55, 69, 80, 91};

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
struct AmxTile {
  int count = 0;
  std::array<Quad, 4> sources;
};

// The groups of a panel.
struct Plan {
  std::vector<int32_t> windows;  // first quads of windows that are groups
  std::vector<AmxTile> merged;   // in any order until Sort

  int64_t groups() const {
    return static_cast<int64_t>(windows.size() + (merged.size() + kTileGroups - 1) / kTileGroups);
  }

  // Of the groups that the merged quads make with the most sources first.
  int64_t cycles() const {
    std::array<int64_t, 5> of = {};
    for (const AmxTile& quad : merged) ++of[quad.count];
    int64_t sum = static_cast<int64_t>(windows.size()) * kGroupCycles[0], before = 0;
    for (int count = 4; count > 0; --count) {
      const int64_t end = before + of[count];
      sum += (Groups(end) - Groups(before)) * kGroupCycles[count];
      before = end;
    }
    return sum;
  }

  void Sort() {
    std::sort(merged.begin(), merged.end(), [](const AmxTile& a, const AmxTile& b) {
      return a.count != b.count ? a.count > b.count : a.sources[0].column < b.sources[0].column;
    });
  }

 private:
  static int64_t Groups(int64_t quads) { return (quads + kTileGroups - 1) / kTileGroups; }
};

// Merges quads, ascending in column, into as few as it easily can.
std::vector<AmxTile> Merge(const std::vector<Quad>& quads) {
  std::array<std::vector<Quad>, 16> left;
  for (auto quad = quads.rbegin(); quad != quads.rend(); ++quad) {
    left[quad->pattern].push_back(*quad);
  }
  std::vector<AmxTile> merged;
  for (size_t first = 0; first < kByBits.size(); ++first) {
    while (!left[kByBits[first]].empty()) {
      AmxTile made;
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
  return merged;
}

// The windows of quads that are dense; the other quads go to `rest`.
std::vector<int32_t> DenseWindows(const std::vector<Quad>& quads, int dense_window,
                                  std::vector<Quad>* rest) {
  std::vector<int32_t> windows;
  rest->clear();
  for (size_t i = 0; i < quads.size();) {
    const int32_t window = quads[i].column / kTileGroups;
    int inputs = 0;
    size_t end = i;
    for (; end < quads.size() && quads[end].column / kTileGroups == window; ++end) {
      inputs += Bits(quads[end].pattern);
    }
    if (inputs >= dense_window) {
      windows.push_back(window * kTileGroups);
    } else {
      rest->insert(rest->end(), quads.begin() + i, quads.begin() + end);
    }
    i = end;
  }
  return windows;
}

Plan BestPlan(const std::vector<Quad>& quads) {
  Plan best;
  int64_t best_cycles = std::numeric_limits<int64_t>::max();
  std::vector<Quad> rest;
  size_t last = quads.size() + 1;
  for (int dense_window : kDenseWindows) {
    Plan plan;
    plan.windows = DenseWindows(quads, dense_window, &rest);
    if (plan.windows.size() == last) continue;  // the same windows as before
    last = plan.windows.size();
    plan.merged = Merge(rest);
    const int64_t cycles = plan.cycles();
    if (cycles < best_cycles) best = std::move(plan), best_cycles = cycles;
  }
  best.Sort();
  return best;
}

// Panels that follow each other, with places counted from their own beginning.
struct Panels {
  std::vector<Panel> panels;
  std::vector<int32_t> columns;
  std::vector<int8_t> values;
};

class Packer {
 public:
  explicit Packer(const BlockSparseMatrix<int8_t>& matrix)
      : matrix_(matrix), patterns_((matrix.in + 3) / 4), places_((matrix.in + 3) / 4) {}

  // Panels [begin, end).
  Panels Run(int64_t begin, int64_t end) {
    for (int64_t out = begin * kTileOutputs; out < std::min(end * kTileOutputs, matrix_.out);
         out += kTileOutputs) {
      const Plan plan = BestPlan(StoredQuads(out));
      made_.panels.push_back({static_cast<int32_t>(out), plan.groups(),
                              static_cast<int64_t>(made_.columns.size()),
                              static_cast<int64_t>(made_.values.size())});
      WriteColumns(plan);
      WriteValues(out, plan.groups());
    }
    return std::move(made_);
  }

 private:
  // Calls visit(block, first input, width) for the blocks of a block row, less what sticks out
  // of the matrix.
  template <class Visit>
  void ForBlocks(int64_t row, Visit visit) const {
    for (int64_t b = matrix_.indptr[row]; b < matrix_.indptr[row + 1]; ++b) {
      const int64_t first = matrix_.indices[b] * matrix_.block_in;
      visit(matrix_.block(b), first, std::min(matrix_.block_in, matrix_.in - first));
    }
  }

  // The quads that outputs from `out` on store, ascending.
  std::vector<Quad> StoredQuads(int64_t out) {
    std::vector<Quad> quads;
    const int64_t last = std::min(out + kTileOutputs, matrix_.out) - 1;
    for (int64_t row = out / matrix_.block_out; row <= last / matrix_.block_out; ++row) {
      ForBlocks(row, [&](const int8_t*, int64_t first, int64_t width) {
        for (int64_t input = first; input < first + width; ++input) {
          if (patterns_[input / 4] == 0) quads.push_back({static_cast<int32_t>(input / 4), 0});
          patterns_[input / 4] |= static_cast<uint8_t>(1 << input % 4);
        }
      });
    }
    std::sort(quads.begin(), quads.end(),
              [](const Quad& a, const Quad& b) { return a.column < b.column; });
    for (Quad& quad : quads) quad.pattern = std::exchange(patterns_[quad.column], uint8_t{0});
    return quads;
  }

  // Appends the columns of a panel and notes at which quad of its groups each lies.
  void WriteColumns(const Plan& plan) {
    int32_t place = 0;
    for (int32_t window : plan.windows) {
      made_.columns.insert(made_.columns.end(), {0, window});
      const int64_t end = std::min<int64_t>(window + kTileGroups, places_.size());
      for (int64_t column = window; column < end; ++column) {
        places_[column] = place + static_cast<int32_t>(column - window);
      }
      place += kTileGroups;
    }
    for (size_t i = 0; i < plan.merged.size(); i += kTileGroups, place += kTileGroups) {
      WriteGroup(plan, i, place);
    }
  }

  // Merged quads i .. i + 15, those there are; the others read what the first one reads.
  void WriteGroup(const Plan& plan, size_t i, int32_t place) {
    const int sources = plan.merged[i].count;
    made_.columns.push_back(sources);
    std::vector<int32_t> patterns;
    for (int s = 0; s < sources; ++s) {
      for (int q = 0; q < kTileGroups; ++q) {
        const bool inside = i + q < plan.merged.size();
        const AmxTile& merged = plan.merged[inside ? i + q : i];
        const bool adds = inside && s < merged.count;
        const Quad& source = merged.sources[adds ? s : 0];
        made_.columns.push_back(source.column);
        if (s > 0) patterns.push_back(adds ? source.pattern : 0);
        if (adds) places_[source.column] = place + q;
      }
    }
    made_.columns.insert(made_.columns.end(), patterns.begin(), patterns.end());
  }

  void WriteValues(int64_t out, int64_t groups) {
    if (groups == 0) return;
    const size_t begin = made_.values.size();
    made_.values.resize(begin + groups * kGroupValues);
    for (int64_t n = out; n < std::min(out + kTileOutputs, matrix_.out); ++n) {
      int8_t* values = made_.values.data() + begin + (n - out) * kTileGroups * 4;
      const int64_t row = n / matrix_.block_out;
      const int64_t in_block = (n - row * matrix_.block_out) * matrix_.block_in;
      ForBlocks(row, [&](const int8_t* block, int64_t first, int64_t width) {
        for (int64_t input = first; input < first + width; ++input) {
          const int64_t place = places_[input / 4];
          values[place / kTileGroups * kGroupValues + place % kTileGroups * 4 + input % 4] =
              block[in_block + input - first];
        }
      });
    }
  }

  const BlockSparseMatrix<int8_t>& matrix_;
  std::vector<uint8_t> patterns_;  // of each quad, all zero between panels
  std::vector<int32_t> places_;    // of each quad the panel stores: quads before it
  Panels made_;
};

// One range after the other.
PackedWeights<int8_t> Join(const std::vector<Panels>& ranges, const Threads& threads) {
  PackedWeights<int8_t> packed;
  std::vector<int64_t> columns_before, values_before;
  int64_t columns = 0, values = 0;
  for (const Panels& range : ranges) {
    columns_before.push_back(columns);
    values_before.push_back(values);
    for (const Panel& s : range.panels) {
      packed.panels.push_back({s.out, s.groups, s.column + columns, s.value + values});
    }
    columns += static_cast<int64_t>(range.columns.size());
    values += static_cast<int64_t>(range.values.size());
  }
  packed.columns.Reserve(columns);
  packed.values.Reserve(values);
  const int64_t parts = static_cast<int64_t>(ranges.size());
  threads.Run(parts, values / (parts + 1), [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      std::copy(ranges[i].columns.begin(), ranges[i].columns.end(),
                packed.columns.data() + columns_before[i]);
      std::copy(ranges[i].values.begin(), ranges[i].values.end(),
                packed.values.data() + values_before[i]);
    }
  });
  return packed;
}

}  // namespace

int64_t AmxTileCycles(const PackedWeights<int8_t>& packed) {
  int64_t cycles = 0;
  for (const Panel& panel : packed.panels) {
    const int32_t* column = packed.columns.data() + panel.column;
    for (int64_t g = 0; g < panel.groups; ++g) {
      const int sources = *column;
      cycles += kGroupCycles[sources];
      column += sources == 0 ? 2 : 1 + kTileGroups * (2 * sources - 1);
    }
  }
  return cycles;
}

PackedWeights<int8_t> PackAmxTiles(const BlockSparseMatrix<int8_t>& matrix,
                                   const Threads& threads) {
  const int64_t panels = (matrix.out + kTileOutputs - 1) / kTileOutputs;
  const int64_t parts = std::min(panels, threads.count > 1 ? kPartsPerThread * threads.count : 1);
  std::vector<Panels> ranges(parts);
  const int64_t cost = matrix.num_blocks * matrix.block_out * matrix.block_in * kCyclesPerWeight;
  threads.Run(parts, cost / (parts + 1), [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      ranges[i] = Packer(matrix).Run(panels * i / parts, panels * (i + 1) / parts);
    }
  });
  PackedWeights<int8_t> packed = Join(ranges, threads);
  packed.out = matrix.out;
  packed.in = matrix.in;
  packed.format = kAmxFormat;
  return packed;
}

}  // namespace tfsparse
