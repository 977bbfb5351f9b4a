#ifndef TFSPARSE_BENCHMARKS_STANDARD_CASES_H_
#define TFSPARSE_BENCHMARKS_STANDARD_CASES_H_

#include <vector>

#include "benchmarks/kernel_case.h"

namespace tfsparse {

// What `make bench-kernels` times, with the targets that are set for some of it.
std::vector<KernelCase> StandardCases();

}  // namespace tfsparse

#endif  // TFSPARSE_BENCHMARKS_STANDARD_CASES_H_
