#ifndef TFSPARSE_BENCHMARKS_PEAK_H_
#define TFSPARSE_BENCHMARKS_PEAK_H_

#include "custom_ops/matmul/path.h"

namespace tfsparse {

// The most that one core does on a path, in GOP/s (a product and its addition are two):
// the path's multiply-add instructions, independent of each other and on registers. For
// int8 these are VPDPBUSD, or VPMADDWD and VPADDD where the path has none; for bfloat16
// VDPBF16PS, or float's. 0 for portable code. The processor must support the path.
double PeakF32(Path path);
double PeakBf16(Path path);
double PeakU8S8(Path path);

// The same of products of AMX's tile registers; 0 where the processor has none.
double PeakAmx();

}  // namespace tfsparse

#endif  // TFSPARSE_BENCHMARKS_PEAK_H_
