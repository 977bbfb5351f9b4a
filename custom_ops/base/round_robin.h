#ifndef TFSPARSE_CUSTOM_OPS_BASE_ROUND_ROBIN_H_
#define TFSPARSE_CUSTOM_OPS_BASE_ROUND_ROBIN_H_

#include <cstdint>
#include <thread>
#include <vector>

#include "custom_ops/base/parallel_for.h"

namespace tfsparse {

// Shares the items out one by one, so that any two neighbours meet on different threads.
inline Threads RoundRobin(int count) {
  Threads threads;
  threads.count = count;
  threads.parallel_for = [count](int64_t items, int64_t, const Threads::Body& body) {
    std::vector<std::thread> workers;
    for (int t = 0; t < count; ++t) {
      workers.emplace_back([&, t] {
        for (int64_t i = t; i < items; i += count) body(i, i + 1);
      });
    }
    for (std::thread& worker : workers) worker.join();
  };
  return threads;
}

}  // namespace tfsparse

#endif  // TFSPARSE_CUSTOM_OPS_BASE_ROUND_ROBIN_H_
