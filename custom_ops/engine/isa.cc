#include "custom_ops/engine/isa.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

namespace tfsparse {

namespace {

struct Row {
  Isa isa;
  const char* name;
  bool CpuFeatures::* needs;  // null: nothing
};

// One row per ISA, in their order.
constexpr Row kRows[] = {
    {Isa::kPortable, "portable", nullptr},
    {Isa::kAvx2, "avx2", &CpuFeatures::avx2},
    {Isa::kAvx2Vnni, "avx2vnni", &CpuFeatures::avx2vnni},
    {Isa::kAvx512, "avx512", &CpuFeatures::avx512},
    {Isa::kAvx512Vnni, "avx512vnni", &CpuFeatures::avx512vnni},
    {Isa::kAvx512Vbmi, "avx512vbmi", &CpuFeatures::avx512vbmi},
    {Isa::kAvx512Bf16, "avx512bf16", &CpuFeatures::avx512bf16},
    {Isa::kAmx, "amx", &CpuFeatures::amx},
};

// Of the variable that TFSPARSE_ISA was before. Warns once.
const char* FormerVariable() {
  const char* forced = std::getenv("TFSPARSE_PATH");
  if (forced == nullptr) return nullptr;
  static const bool warned = [] {
    std::fputs("tfsparse: `TFSPARSE_PATH` is deprecated. Use `TFSPARSE_ISA`.\n", stderr);
    return true;
  }();
  static_cast<void>(warned);
  return forced;
}

// What the environment asks for; null or empty for nothing.
const char* Forced() {
  const char* forced = std::getenv("TFSPARSE_ISA");
  return forced == nullptr ? FormerVariable() : forced;
}

}  // namespace

const char* IsaName(Isa isa) { return kRows[static_cast<int>(isa)].name; }

bool Includes(Isa isa, Isa other) {
  return other == isa || (other < isa && other != Isa::kAvx2Vnni);
}

std::vector<Isa> SupportedIsas(const CpuFeatures& features) {
  std::vector<Isa> isas;
  for (const Row& row : kRows) {
    if (row.needs == nullptr || features.*row.needs) isas.push_back(row.isa);
  }
  return isas;
}

Status ChooseIsa(const CpuFeatures& features, const char* forced, Isa* isa) {
  const std::vector<Isa> supported = SupportedIsas(features);
  if (forced == nullptr || *forced == '\0') {
    *isa = supported.back();
    return {};
  }
  std::string names;
  for (Isa candidate : supported) {
    if (std::strcmp(forced, IsaName(candidate)) == 0) {
      *isa = candidate;
      return {};
    }
    names += std::string(names.empty() ? "'" : ", '") + IsaName(candidate) + "'";
  }
  return Status::Invalid("`TFSPARSE_ISA` should be one of the ISAs of this processor: ", names,
                         ". Received: TFSPARSE_ISA='", forced, "'");
}

Status ChooseIsa(Isa* isa) { return ChooseIsa(GetCpuFeatures(), Forced(), isa); }

Isa FastestForBf16(const CpuFeatures& features, const char* forced, Isa isa) {
  const bool is_free = forced == nullptr || *forced == '\0';
  return is_free && features.slow_bf16 && Includes(isa, Isa::kAvx512Bf16) ? Isa::kAvx512Vbmi : isa;
}

Isa FastestForBf16(Isa isa) { return FastestForBf16(GetCpuFeatures(), Forced(), isa); }

}  // namespace tfsparse
