// In a library that is loaded: by whoever comes first. A process may load it from several files,
// such as a copy beside a model and the one of the Python package. TensorFlow keeps the first op of
// a name, but all kernels, and then no op runs, because it has several. A second file registers
// nothing, and the first one's ops go on.

#include "custom_ops/tf_ops/registration.h"
#include "tensorflow/core/framework/op.h"

namespace tfsparse {
namespace {

[[maybe_unused]] const bool registered = [] {
  const auto* known = tensorflow::OpRegistry::Global()->LookUp("Tfsparse>BlockSparseMatMul");
  if (known == nullptr) RegisterAll();
  return known == nullptr;
}();

}  // namespace
}  // namespace tfsparse
