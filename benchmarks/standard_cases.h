#ifndef TFSPARSE_BENCHMARKS_STANDARD_CASES_H_
#define TFSPARSE_BENCHMARKS_STANDARD_CASES_H_

#include <vector>

#include "benchmarks/kernel_case.h"

namespace tfsparse {

// What `make bench-kernels` times, with the targets that are set for some of it.
std::vector<KernelCase> StandardCases();

// Those that two threads are timed with, and what is asked of one thread's time over theirs.
std::vector<KernelCase> StandardThreadCases();
inline constexpr double kTargetTwoThreads = 1.9;

// Those in bf16 that are timed beside themselves in fp32, and what is asked of fp32's time over
// theirs.
std::vector<KernelCase> StandardBf16Cases();
inline constexpr double kTargetBf16 = 1.7;

// Those that are timed beside themselves with ReLU.
std::vector<KernelCase> StandardActivationCases();

}  // namespace tfsparse

#endif  // TFSPARSE_BENCHMARKS_STANDARD_CASES_H_
