#ifndef TFSPARSE_CUSTOM_OPS_BASE_PARALLEL_FOR_H_
#define TFSPARSE_CUSTOM_OPS_BASE_PARALLEL_FOR_H_

#include <cstdint>
#include <functional>

namespace tfsparse {

// The threads a matmul may use, handed in by whoever owns them: TensorFlow's
// intra-op pool in the op, a few std::threads in a test, none in a benchmark.
struct Threads {
  using Body = std::function<void(int64_t begin, int64_t end)>;

  // How many threads may work at a time.
  int count = 1;

  // Calls body on ranges that together are [0, items), possibly at a time, and
  // returns when all are done. `cost` is what one item takes in cycles,
  // roughly. Empty means: call it here.
  std::function<void(int64_t items, int64_t cost, const Body& body)> parallel_for;

  void Run(int64_t items, int64_t cost, const Body& body) const {
    if (items <= 0) return;
    if (count <= 1 || items == 1 || !parallel_for) {
      body(0, items);
    } else {
      parallel_for(items, cost, body);
    }
  }
};

}  // namespace tfsparse

#endif  // TFSPARSE_CUSTOM_OPS_BASE_PARALLEL_FOR_H_
