#ifndef TFSPARSE_CUSTOM_OPS_BASE_ALIGNED_BUFFER_H_
#define TFSPARSE_CUSTOM_OPS_BASE_ALIGNED_BUFFER_H_

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <new>

#include "custom_ops/base/huge_pages.h"

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
  //
  // calloc takes much memory from the system as it is, zero, so that the threads that write it
  // first share the time that its pages take.
  void Reserve(int64_t size) {
    if (size <= size_) return;
    size_t room = static_cast<size_t>(size) * sizeof(T) + 2 * kAlignment;
    memory_.reset(std::calloc(room, 1));
    void* start = memory_.get();
    if (start == nullptr) {
      size_ = 0;
      throw std::bad_alloc();
    }
    PreferHugePages(start, room);
    data_ = static_cast<T*>(std::align(kAlignment, room - kAlignment, start, room));
    size_ = size;
  }

  T* data() { return data_; }
  const T* data() const { return data_; }
  int64_t size() const { return size_; }

 private:
  struct Free {
    void operator()(void* memory) const { std::free(memory); }
  };

  std::unique_ptr<void, Free> memory_;
  T* data_ = nullptr;
  int64_t size_ = 0;
};

}  // namespace tfsparse

#endif  // TFSPARSE_CUSTOM_OPS_BASE_ALIGNED_BUFFER_H_
