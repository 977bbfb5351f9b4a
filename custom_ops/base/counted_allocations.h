#ifndef TFSPARSE_CUSTOM_OPS_BASE_COUNTED_ALLOCATIONS_H_
#define TFSPARSE_CUSTOM_OPS_BASE_COUNTED_ALLOCATIONS_H_

// Counts all allocations of a program. For the one file of a test that is a program of its own.

#include <atomic>
#include <cstdlib>
#include <new>

#include "custom_ops/base/parallel_for.h"

namespace {

std::atomic<int> allocations = 0;

void* Allocate(size_t size) {
  ++allocations;
  void* memory = std::malloc(size);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}

}  // namespace

void* operator new(size_t size) { return Allocate(size); }
void* operator new[](size_t size) { return Allocate(size); }
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, size_t) noexcept { std::free(memory); }
void operator delete[](void* memory, size_t) noexcept { std::free(memory); }

namespace tfsparse {
namespace {

// Several threads' items, on the calling one.
Threads InTurns(int count) {
  Threads threads;
  threads.count = count;
  threads.parallel_for = [](int64_t items, int64_t, const Threads::Body& body) {
    for (int64_t i = 0; i < items; ++i) body(i, i + 1);
  };
  return threads;
}

}  // namespace
}  // namespace tfsparse

#endif  // TFSPARSE_CUSTOM_OPS_BASE_COUNTED_ALLOCATIONS_H_
