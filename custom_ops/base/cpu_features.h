#ifndef TFSPARSE_CUSTOM_OPS_BASE_CPU_FEATURES_H_
#define TFSPARSE_CUSTOM_OPS_BASE_CPU_FEATURES_H_

namespace tfsparse {

// The instruction sets that dispatch tests for. A flag is true when the
// processor has the instructions and the operating system saves the registers
// they use (XCR0): one without the other faults.
struct CpuFeatures {
  bool avx512 = false;      // F, BW, DQ, VL and FMA
  bool avx512vnni = false;  // the above and VNNI
};

// Asks the processor once.
const CpuFeatures& GetCpuFeatures();

}  // namespace tfsparse

#endif  // TFSPARSE_CUSTOM_OPS_BASE_CPU_FEATURES_H_
