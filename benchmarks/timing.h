#ifndef TFSPARSE_BENCHMARKS_TIMING_H_
#define TFSPARSE_BENCHMARKS_TIMING_H_

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <functional>
#include <vector>

namespace tfsparse {

template <class Body>
double Milliseconds(const Body& body) {
  const auto start = std::chrono::steady_clock::now();
  body();
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start)
      .count();
}

inline double Median(std::vector<double> times) {
  std::nth_element(times.begin(), times.begin() + times.size() / 2, times.end());
  return times[times.size() / 2];
}

inline constexpr int kMinRepeats = 15;
inline constexpr int kTurn = 5;

// Medians in milliseconds of each side that there is, all of them measured for `seconds` together.
// In turns of a few calls: the machine's speed drifts, which turns cancel, but each side should
// find the caches as its own calls leave them.
template <size_t N>
std::array<double, N> TimeInTurns(const std::array<std::function<void()>, N>& sides,
                                  double seconds) {
  std::array<std::vector<double>, N> times;
  for (double total = 0; total < 1000 * seconds || times[0].size() < kMinRepeats;) {
    for (size_t s = 0; s < N; ++s) {
      for (int i = 0; i < kTurn && sides[s]; ++i) {
        times[s].push_back(Milliseconds(sides[s]));
        total += times[s].back();
      }
    }
  }
  std::array<double, N> medians = {};
  for (size_t s = 0; s < N; ++s) {
    if (sides[s]) medians[s] = Median(times[s]);
  }
  return medians;
}

}  // namespace tfsparse

#endif  // TFSPARSE_BENCHMARKS_TIMING_H_
