#ifndef TFSPARSE_BENCHMARKS_PEAK_H_
#define TFSPARSE_BENCHMARKS_PEAK_H_

namespace tfsparse {

// The most that one core does, measured: independent 512-bit multiply-adds on
// registers, 2 operations per product. GFLOP/s of float, GOP/s of uint8 x int8. Need
// AVX-512 and AVX-512 VNNI.
double MeasurePeakF32();
double MeasurePeakU8S8();

}  // namespace tfsparse

#endif  // TFSPARSE_BENCHMARKS_PEAK_H_
