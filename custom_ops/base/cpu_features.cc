#include "custom_ops/base/cpu_features.h"

#if defined(__x86_64__)
#include <cpuid.h>
#endif

#include <cstdint>

namespace tfsparse {
namespace {

#if defined(__x86_64__)

uint64_t Xcr0() {
  uint32_t low, high;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return (static_cast<uint64_t>(high) << 32) | low;
}

CpuFeatures Detect() {
  constexpr uint32_t kOsxsave = 1u << 27, kFma = 1u << 12;  // leaf 1, ECX
  constexpr uint32_t kF = 1u << 16, kDq = 1u << 17,
                     kBw = 1u << 30,  // leaf 7, EBX
      kVl = 1u << 31;
  constexpr uint32_t kVnni = 1u << 11;  // leaf 7, ECX
  constexpr uint64_t kState = 0xe6;     // XMM, YMM, opmask, upper ZMM, ZMM16-31

  CpuFeatures features;
  uint32_t eax, ebx, ecx, edx;
  if (!__get_cpuid(1, &eax, &ebx, &ecx, &edx)) return features;
  if (!(ecx & kOsxsave) || !(ecx & kFma)) return features;
  if ((Xcr0() & kState) != kState) return features;
  if (!__get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx)) return features;
  constexpr uint32_t kAll = kF | kDq | kBw | kVl;
  features.avx512 = (ebx & kAll) == kAll;
  features.avx512vnni = features.avx512 && (ecx & kVnni);
  return features;
}

#else

CpuFeatures Detect() { return {}; }

#endif

}  // namespace

const CpuFeatures& GetCpuFeatures() {
  static const CpuFeatures features = Detect();
  return features;
}

}  // namespace tfsparse
