#include "custom_ops/base/cpu_features.h"

#if defined(__x86_64__)
#include <cpuid.h>
#endif
#if defined(__linux__)
#include <sys/syscall.h>
#include <unistd.h>
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

constexpr uint32_t Bit(int bit) { return 1u << bit; }

bool Has(uint64_t set, uint64_t wanted) { return (set & wanted) == wanted; }

bool IsIntel() {
  uint32_t eax, ebx, ecx, edx;
  return __get_cpuid(0, &eax, &ebx, &ecx, &edx) != 0 && ebx == signature_INTEL_ebx &&
         ecx == signature_INTEL_ecx && edx == signature_INTEL_edx;
}

// Whether the kernel of Linux (5.16 or later) lets this process use tiles. It may refuse,
// because each thread's signal stack must have room for 8 KiB more.
bool RequestTiles() {
#if defined(__linux__) && defined(SYS_arch_prctl)
  constexpr int kRequestPermission = 0x1023;  // ARCH_REQ_XCOMP_PERM
  constexpr int kTileData = 18;               // its bit in XCR0
  return syscall(SYS_arch_prctl, kRequestPermission, kTileData) == 0;
#else
  return false;
#endif
}

CpuFeatures Detect() {
  constexpr uint32_t kOsxsave = Bit(27), kFma = Bit(12);               // leaf 1, ECX
  constexpr uint32_t kAvx2 = Bit(5);                                   // leaf 7, EBX
  constexpr uint32_t kAvx512 = Bit(16) | Bit(17) | Bit(30) | Bit(31);  // F DQ BW VL
  constexpr uint32_t kAvx512Vnni = Bit(11), kAvx512Vbmi = Bit(1);      // leaf 7, ECX
  constexpr uint32_t kAvxVnni = Bit(4), kAvx512Bf16 = Bit(5);          // leaf 7/1, EAX
  constexpr uint32_t kTiles = Bit(24) | Bit(25);                       // leaf 7, EDX: and INT8
  constexpr uint64_t kTileState = 0x60000;                             // TILECFG, TILEDATA
  constexpr uint64_t kYmm = 0x6, kZmm = 0xe6;  // XMM, YMM; and opmask, upper ZMM, ZMM16-31

  CpuFeatures features;
  uint32_t eax, ebx, ecx, edx;
  if (!__get_cpuid(1, &eax, &ebx, &ecx, &edx) || !Has(ecx, kOsxsave | kFma)) return features;
  const uint64_t saved = Xcr0();
  if (!Has(saved, kYmm) || !__get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx)) return features;
  const uint32_t subleaves = eax;
  features.avx2 = Has(ebx, kAvx2);
  features.avx512 = features.avx2 && Has(saved, kZmm) && Has(ebx, kAvx512);
  features.avx512vnni = features.avx512 && Has(ecx, kAvx512Vnni);
  features.avx512vbmi = features.avx512vnni && Has(ecx, kAvx512Vbmi);
  const bool has_tiles = Has(edx, kTiles);
  if (subleaves >= 1 && __get_cpuid_count(7, 1, &eax, &ebx, &ecx, &edx)) {
    features.avx2vnni = features.avx2 && Has(eax, kAvxVnni);
    features.avx512bf16 = features.avx512vbmi && Has(eax, kAvx512Bf16);
  }
  features.amx = features.avx512bf16 && has_tiles && Has(saved, kTileState) && RequestTiles();
  features.slow_bf16 = features.avx512bf16 && has_tiles && IsIntel();
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
