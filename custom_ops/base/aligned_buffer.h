#ifndef TFSPARSE_CUSTOM_OPS_BASE_ALIGNED_BUFFER_H_
#define TFSPARSE_CUSTOM_OPS_BASE_ALIGNED_BUFFER_H_

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>

namespace tfsparse {

// One cache line, and one vector register of AVX-512.
inline constexpr size_t kAlignment = 64;

// An array of trivially copyable T that starts on a cache line. Grows, never
// shrinks; growing does not keep the contents. The vectorised code may load a
// whole register that begins at the last element, so a register's worth of
// zeroed bytes follows the array.
template <typename T>
class AlignedBuffer {
 public:
  AlignedBuffer() = default;
  explicit AlignedBuffer(int64_t size) { Reserve(size); }

  // Makes room for `size` elements. Elements are zero after an allocation and
  // unspecified otherwise. Throws std::bad_alloc.
  void Reserve(int64_t size) {
    if (size <= size_) return;
    const size_t bytes = RoundUp(static_cast<size_t>(size) * sizeof(T) + kAlignment);
    void* memory = std::aligned_alloc(kAlignment, bytes);
    if (memory == nullptr) throw std::bad_alloc();
    std::memset(memory, 0, bytes);
    data_.reset(static_cast<T*>(memory));
    size_ = size;
  }

  T* data() { return data_.get(); }
  const T* data() const { return data_.get(); }
  int64_t size() const { return size_; }

 private:
  static size_t RoundUp(size_t bytes) { return (bytes + kAlignment - 1) / kAlignment * kAlignment; }

  struct Free {
    void operator()(T* memory) const { std::free(memory); }
  };

  std::unique_ptr<T, Free> data_;
  int64_t size_ = 0;
};

}  // namespace tfsparse

#endif  // TFSPARSE_CUSTOM_OPS_BASE_ALIGNED_BUFFER_H_
