#ifndef TFSPARSE_CUSTOM_OPS_FUZZ_EQUAL_RESULTS_H_
#define TFSPARSE_CUSTOM_OPS_FUZZ_EQUAL_RESULTS_H_

#include <cmath>
#include <cstdint>
#include <cstring>
#include <vector>

namespace tfsparse {

// Whether results have the same bits, of uint8 or of floats. A NaN may have other bits: which one
// of two operands it keeps is the compiler's choice.
inline bool AreEqual(const std::vector<uint8_t>& one, const std::vector<uint8_t>& other,
                     bool is_u8) {
  if (one == other) return true;
  if (is_u8 || one.size() != other.size()) return false;
  for (size_t i = 0; i < one.size(); i += sizeof(float)) {
    float a, b;
    std::memcpy(&a, one.data() + i, sizeof(a));
    std::memcpy(&b, other.data() + i, sizeof(b));
    if (std::memcmp(&a, &b, sizeof(a)) != 0 && !(std::isnan(a) && std::isnan(b))) return false;
  }
  return true;
}

}  // namespace tfsparse

#endif  // TFSPARSE_CUSTOM_OPS_FUZZ_EQUAL_RESULTS_H_
