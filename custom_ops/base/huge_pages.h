#ifndef TFSPARSE_CUSTOM_OPS_BASE_HUGE_PAGES_H_
#define TFSPARSE_CUSTOM_OPS_BASE_HUGE_PAGES_H_

#include <cstddef>
#include <cstdint>

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace tfsparse {

// Asks for pages of 2 MB where memory that nobody has written yet is worth it. Threads that write
// fresh pages of 4 KB hold each other up in the kernel: two packed 10 MB of weights more slowly
// than one, and 100 MB in twice the time (Zen 5, Linux 6.18). Only advice, so it cannot fail.
inline void PreferHugePages(void* memory, size_t bytes) {
#if defined(__linux__)
  constexpr uintptr_t kPage = 4096, kWorthIt = 4 << 20;
  if (bytes < kWorthIt) return;
  const uintptr_t begin = (reinterpret_cast<uintptr_t>(memory) + kPage - 1) / kPage * kPage;
  const uintptr_t end = (reinterpret_cast<uintptr_t>(memory) + bytes) / kPage * kPage;
  (void)madvise(reinterpret_cast<void*>(begin), end - begin, MADV_HUGEPAGE);
#endif
}

}  // namespace tfsparse

#endif  // TFSPARSE_CUSTOM_OPS_BASE_HUGE_PAGES_H_
