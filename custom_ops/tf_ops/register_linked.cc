// In a program that links TensorFlow and the ops statically. They are there once, and TensorFlow
// must not be asked for anything before main begins.

#include "custom_ops/tf_ops/registration.h"

namespace tfsparse {
namespace {

[[maybe_unused]] const bool registered = [] {
  RegisterAll();
  return true;
}();

}  // namespace
}  // namespace tfsparse
