#ifndef TFSPARSE_CUSTOM_OPS_BASE_CPU_FEATURES_H_
#define TFSPARSE_CUSTOM_OPS_BASE_CPU_FEATURES_H_

namespace tfsparse {

// The instruction sets that dispatch tests for. A flag is true when the
// processor has the instructions and the operating system saves the registers
// they use (XCR0): one without the other faults. Linux saves the tiles of AMX only for
// a process that has asked for it.
struct CpuFeatures {
  bool avx2 = false;        // AVX2 and FMA
  bool avx2vnni = false;    // avx2 and AVX-VNNI
  bool avx512 = false;      // avx2 and F, BW, DQ, VL
  bool avx512vnni = false;  // avx512 and its VNNI, which is not AVX-VNNI
  bool avx512vbmi = false;  // avx512vnni and VBMI
  bool avx512bf16 = false;  // avx512vbmi and BF16
  bool amx = false;         // avx512bf16, AMX-TILE and AMX-INT8
  // Whether VDPBF16PS takes as long as four multiply-adds of floats, and does the work of two. It
  // was measured on Emerald Rapids, and is assumed of all Intel processors with AMX.
  bool slow_bf16 = false;
};

// Asks the processor once, and Linux for the use of tiles where it has them.
const CpuFeatures& GetCpuFeatures();

}  // namespace tfsparse

#endif  // TFSPARSE_CUSTOM_OPS_BASE_CPU_FEATURES_H_
