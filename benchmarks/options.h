#ifndef TFSPARSE_BENCHMARKS_OPTIONS_H_
#define TFSPARSE_BENCHMARKS_OPTIONS_H_

#include <optional>
#include <string>

#include "benchmarks/kernel_case.h"

namespace tfsparse {

// What bench_kernels is asked to do; `--help` lists it.
struct Options {
  std::optional<KernelCase> one;  // instead of the standard cases
  int threads = 1;                // of products beside oneDNN's
  std::string filter, json, isa, models;
};

// Ends the program where an option or its value is not one.
Options ParseOptions(int argc, char** argv);

// Ends the program.
[[noreturn]] void Fail(const std::string& message);

// "relu" and the like.
const char* ActivationName(Activation activation);

}  // namespace tfsparse

#endif  // TFSPARSE_BENCHMARKS_OPTIONS_H_
