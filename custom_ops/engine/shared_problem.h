#ifndef TFSPARSE_CUSTOM_OPS_ENGINE_SHARED_PROBLEM_H_
#define TFSPARSE_CUSTOM_OPS_ENGINE_SHARED_PROBLEM_H_

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "custom_ops/engine/layer_problem.h"
#include "gtest/gtest.h"

namespace tfsparse {

// What is the same for every kernel is made once: under the sanitizers references and random
// numbers take many times as long as kernels.
template <class Value>
Value& Once(const testing::Message& key, const std::function<Value()>& make) {
  static std::map<std::string, std::unique_ptr<Value>> made;
  std::unique_ptr<Value>& value = made[key.GetString()];
  if (value == nullptr) value = std::make_unique<Value>(make());
  return *value;
}

inline testing::Message Key(const char* what, const Shape& shape, double sparsity, uint32_t seed) {
  return testing::Message() << what << ' ' << shape << ", sparsity " << sparsity << ", seed "
                            << seed;
}

template <typename T>
Problem<T>& ProblemOf(const Shape& shape, double sparsity, uint32_t seed) {
  return Once<Problem<T>>(Key("problem", shape, sparsity, seed),
                          [&] { return Problem<T>(shape, sparsity, seed); });
}

}  // namespace tfsparse

#endif  // TFSPARSE_CUSTOM_OPS_ENGINE_SHARED_PROBLEM_H_
