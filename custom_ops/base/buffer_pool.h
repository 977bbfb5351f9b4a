#ifndef TFSPARSE_CUSTOM_OPS_BASE_BUFFER_POOL_H_
#define TFSPARSE_CUSTOM_OPS_BASE_BUFFER_POOL_H_

// Memory for activations that is kept from call to call.
//
// Why: malloc gives large buffers back to the system as soon as they are free, or as soon as the
// top of the heap is, and each page that comes back costs a fault: 5 us in a virtual machine. A
// ResNet-50 took 0 to 4,700 of them for 8 images, since it depends on the order in which buffers
// happen to be freed. Here a buffer that was given back serves the next one of about its size.
//
// Cost: a lock and a walk along the free buffers, a few dozen; so it is for large buffers. It also
// costs memory. All buffers, free and in use, are at most one and a half times what was in use at
// once; half as much again, because a buffer seldom fits the next one exactly. A free buffer that
// was not chosen in 1024 takes goes back to the system.
//
// Contract: from any thread. Memory comes with the contents that it happens to have.

#include <cstddef>
#include <cstdint>
#include <mutex>

namespace tfsparse {

class BufferPool {
 public:
  BufferPool() = default;
  BufferPool(const BufferPool&) = delete;
  BufferPool& operator=(const BufferPool&) = delete;
  // Everything that was taken has to be given back before.
  ~BufferPool();

  // Memory of so many bytes that starts on a cache line; null where there is none, and for more
  // than half a terabyte.
  void* Take(size_t bytes);

  // Gives back what Take has given.
  void Give(void* memory);

  // Bytes of the buffers that are free.
  size_t free_bytes() const;

 private:
  // Stands in front of its memory.
  struct Buffer {
    size_t bytes;
    uint64_t given_at;  // how many takes there were
    Buffer *older, *newer;
  };

  Buffer* FindFree(size_t bytes);
  void Append(Buffer* buffer);
  void Remove(Buffer* buffer);
  size_t MaxBytes() const { return max_used_bytes_ + max_used_bytes_ / 2; }
  // Takes out what is not to be kept, or all that is free, as a list by `newer`.
  Buffer* RemoveUnneeded();
  Buffer* RemoveAll();
  static Buffer* Allocate(size_t bytes);
  static void Release(Buffer* list);

  mutable std::mutex mutex_;
  // Free buffers, in the order in which they were given back.
  Buffer *oldest_ = nullptr, *newest_ = nullptr;
  size_t free_bytes_ = 0, used_bytes_ = 0, max_used_bytes_ = 0;
  uint64_t takes_ = 0;
};

}  // namespace tfsparse

#endif  // TFSPARSE_CUSTOM_OPS_BASE_BUFFER_POOL_H_
