#ifndef TFSPARSE_CUSTOM_OPS_ENGINE_ISA_H_
#define TFSPARSE_CUSTOM_OPS_ENGINE_ISA_H_

#include <type_traits>
#include <vector>

#include "custom_ops/base/bfloat16.h"
#include "custom_ops/base/cpu_features.h"
#include "custom_ops/base/status.h"

namespace tfsparse {

// An ISA is a set of instructions that kernels are written for, and names what a
// processor can do best. Lowest first.
enum class Isa {
  kPortable,
  kAvx2,
  kAvx2Vnni,
  kAvx512,
  kAvx512Vnni,
  kAvx512Vbmi,
  kAvx512Bf16,
  kAmx,
};

const char* IsaName(Isa isa);

// Whether all that `other` needs is there on `isa`, so that where `isa` has no kernel
// for something, `other`'s will do. Not an order: AVX-VNNI and AVX-512 are apart.
bool Includes(Isa isa, Isa other);

// The ISAs this processor can take, lowest first.
std::vector<Isa> SupportedIsas(const CpuFeatures& features);

// The best ISA, or the one called `forced` where that is not null and not
// empty. Fails on a name that is no ISA, or one this processor cannot take.
Status ChooseIsa(const CpuFeatures& features, const char* forced, Isa* isa);

// ChooseIsa for this processor and the environment variable TFSPARSE_ISA.
Status ChooseIsa(Isa* isa);

// The ISA whose kernels multiply bfloat16 fastest, of `isa` and those that it includes, in
// products, convolutions and attention. Where VDPBF16PS is slow it is one without it, whose kernels
// multiply floats that were rounded. It is `isa` itself where TFSPARSE_ISA asks for one.
Isa FastestForBf16(const CpuFeatures& features, const char* forced, Isa isa);
Isa FastestForBf16(Isa isa);

// ChooseIsa for weights of type T.
template <typename T>
Status ChooseIsaFor(Isa* isa) {
  const Status status = ChooseIsa(isa);
  if (status.ok() && std::is_same_v<T, BFloat16>) *isa = FastestForBf16(*isa);
  return status;
}

}  // namespace tfsparse

#endif  // TFSPARSE_CUSTOM_OPS_ENGINE_ISA_H_
