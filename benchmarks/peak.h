#ifndef TFSPARSE_BENCHMARKS_PEAK_H_
#define TFSPARSE_BENCHMARKS_PEAK_H_

#include "custom_ops/engine/isa.h"

namespace tfsparse {

// The most that one core does on an ISA, in GOP/s (a product and its addition are two):
// the ISA's multiply-add instructions, independent of each other and on registers. For
// int8 these are VPDPBUSD, or VPMADDWD and VPADDD where the ISA has none; for bfloat16
// VDPBF16PS, or float's. 0 for portable code. The processor must support the ISA.
double PeakF32(Isa isa);
double PeakBf16(Isa isa);
double PeakU8S8(Isa isa);

// The same of products of AMX's tile registers; 0 where the processor has none.
double PeakAmx();

}  // namespace tfsparse

#endif  // TFSPARSE_BENCHMARKS_PEAK_H_
