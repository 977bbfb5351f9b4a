#ifndef TFSPARSE_CUSTOM_OPS_FUZZ_TARGET_H_
#define TFSPARSE_CUSTOM_OPS_FUZZ_TARGET_H_

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <string>

#include "custom_ops/base/parallel_for.h"
#include "custom_ops/base/round_robin.h"
#include "custom_ops/engine/isa.h"
#include "custom_ops/fuzz/random.h"

namespace tfsparse {

// What became of a set of arguments.
enum class Outcome { kAnswered, kRefused };

// A law that was broken; the driver says with which seed.
struct Broken : std::runtime_error {
  using std::runtime_error::runtime_error;
};

inline void Require(bool holds, const char* law) {
  if (!holds) throw Broken(law);
}

// An op as its kernel calls it: makes arguments, runs them on an ISA, and requires of the result
// what holds for any arguments. A new op is a function here, a file that defines it, and a row in
// targets.cc.
struct Target {
  const char* name;
  Outcome (*run)(Random& random, Isa isa);
};

template <typename T>
Outcome FuzzMatmul(Random& random, Isa isa);
template <typename T>
Outcome FuzzChain(Random& random, Isa isa);
template <typename T>
Outcome FuzzConv(Random& random, Isa isa);
Outcome FuzzActivationRange(Random& random, Isa isa);
Outcome FuzzAttention(Random& random, Isa isa);
Outcome FuzzDepthwise(Random& random, Isa isa);
Outcome FuzzNormalization(Random& random, Isa isa);
Outcome FuzzPooling(Random& random, Isa isa);

// The threads of one call: mostly one, since it takes long to start others.
inline Threads RandomThreads(Random& random) {
  return random.Chance(0.05) ? RoundRobin(static_cast<int>(random.Int(2, 5))) : Threads();
}

}  // namespace tfsparse

#endif  // TFSPARSE_CUSTOM_OPS_FUZZ_TARGET_H_
