#include "custom_ops/tf_ops/output_buffers.h"

#include <string>
#include <utility>

#include "custom_ops/base/aligned_buffer.h"
#include "custom_ops/base/buffer_pool.h"
#include "tensorflow/core/framework/allocator.h"

namespace tfsparse {
namespace {

using tensorflow::OpKernelContext;
using tensorflow::Tensor;
using tensorflow::TensorShape;

// Smaller ones malloc keeps by itself.
constexpr int64_t kMinPooledBytes = 128 << 10;

// AddressSanitizer has to see who reads behind a result, or a result that is gone. GCC defines the
// one, clang knows the other.
#if defined(__has_feature)
#define TFSPARSE_HAS_FEATURE(feature) __has_feature(feature)
#else
#define TFSPARSE_HAS_FEATURE(feature) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || TFSPARSE_HAS_FEATURE(address_sanitizer)
constexpr bool kIsPooled = false;
#else
constexpr bool kIsPooled = true;
#endif

class PooledAllocator : public tensorflow::Allocator {
 public:
  // Never destroyed, since a tensor may be destroyed later than statics are.
  static PooledAllocator* Get() {
    static auto* allocator = new PooledAllocator;
    return allocator;
  }

  std::string Name() override { return "tfsparse"; }
  void* AllocateRaw(size_t alignment, size_t bytes) override {
    return alignment > kAlignment ? nullptr : pool_.Take(bytes);
  }
  void DeallocateRaw(void* memory) override { pool_.Give(memory); }

 private:
  BufferPool pool_;
};

}  // namespace

absl::Status AllocateOutput(OpKernelContext* context, int index, const TensorShape& shape,
                            Tensor** output) {
  const tensorflow::DataType type = context->expected_output_dtype(index);
  const int64_t element_bytes = tensorflow::DataTypeSize(type);
  if (!kIsPooled || shape.num_elements() < kMinPooledBytes / element_bytes) {
    return context->allocate_output(index, shape, output);
  }
  Tensor pooled(PooledAllocator::Get(), type, shape);
  // TensorFlow has the words for a lack of memory.
  if (!pooled.IsInitialized()) return context->allocate_output(index, shape, output);
  context->set_output(index, std::move(pooled));
  *output = context->mutable_output(index);
  return absl::OkStatus();
}

}  // namespace tfsparse
