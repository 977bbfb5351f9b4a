#ifndef TFSPARSE_BENCHMARKS_TIMING_H_
#define TFSPARSE_BENCHMARKS_TIMING_H_

#include <algorithm>
#include <chrono>
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

}  // namespace tfsparse

#endif  // TFSPARSE_BENCHMARKS_TIMING_H_
