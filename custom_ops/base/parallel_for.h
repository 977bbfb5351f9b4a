#ifndef TFSPARSE_CUSTOM_OPS_BASE_PARALLEL_FOR_H_
#define TFSPARSE_CUSTOM_OPS_BASE_PARALLEL_FOR_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <new>

namespace tfsparse {

// The threads a matmul may use, handed in by whoever owns them: TensorFlow's
// intra-op pool in the op, a few std::threads in a test, none in a benchmark.
struct Threads {
  // A function of a range, by reference: unlike a std::function it is made without allocating,
  // whatever the function captures, and it must not outlive what it was made from.
  class Body {
   public:
    template <class Function>
    Body(const Function& function)
        : function_(&function), call_([](const void* f, int64_t begin, int64_t end) {
            (*static_cast<const Function*>(f))(begin, end);
          }) {}

    void operator()(int64_t begin, int64_t end) const { call_(function_, begin, end); }

   private:
    const void* function_;
    void (*call_)(const void* function, int64_t begin, int64_t end);
  };

  // How many threads may work at a time.
  int count = 1;

  // Calls body on ranges that together are [0, items), possibly at a time, and
  // returns when all are done. `cost` is what one item takes in cycles,
  // roughly. Empty means: call it here.
  std::function<void(int64_t items, int64_t cost, const Body& body)> parallel_for;

  // Throws std::bad_alloc where a body did, on whatever thread: nobody would catch it
  // there.
  void Run(int64_t items, int64_t cost, const Body& body) const {
    if (items <= 0) return;
    if (count <= 1 || items == 1 || !parallel_for) {
      body(0, items);
      return;
    }
    std::atomic<bool> out_of_memory = false;
    const auto guarded = [&](int64_t begin, int64_t end) {
      try {
        body(begin, end);
      } catch (const std::bad_alloc&) {
        out_of_memory = true;
      }
    };
    parallel_for(items, cost, guarded);
    if (out_of_memory) throw std::bad_alloc();
  }
};

}  // namespace tfsparse

#endif  // TFSPARSE_CUSTOM_OPS_BASE_PARALLEL_FOR_H_
