#include "custom_ops/base/buffer_pool.h"

#include <algorithm>
#include <cstdlib>

#include "custom_ops/base/aligned_buffer.h"
#include "custom_ops/base/huge_pages.h"

namespace tfsparse {
namespace {

constexpr size_t kHeader = kAlignment;  // so that memory starts on the next cache line
constexpr size_t kPage = 4096;
constexpr uint64_t kMaxAge = 1024;  // takes

// No model has larger results, and sanitizers stop a program that asks for more.
constexpr size_t kMaxBytes = size_t{1} << 39;

// Most that a buffer may be larger than what is asked for, as a share of that.
constexpr size_t kWasteDivisor = 4;

}  // namespace

BufferPool::~BufferPool() { Release(RemoveAll()); }

void* BufferPool::Take(size_t bytes) {
  if (bytes > kMaxBytes) return nullptr;
  bytes = (std::max<size_t>(bytes, 1) + kPage - 1) / kPage * kPage;
  Buffer *buffer, *unneeded;
  size_t max_before;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    ++takes_;
    max_before = max_used_bytes_;
    buffer = FindFree(bytes);
    if (buffer != nullptr) Remove(buffer);
    used_bytes_ += buffer != nullptr ? buffer->bytes : bytes;
    max_used_bytes_ = std::max(max_used_bytes_, used_bytes_);
    unneeded = RemoveUnneeded();
  }
  Release(unneeded);
  if (buffer == nullptr) buffer = Allocate(bytes);
  if (buffer != nullptr) return reinterpret_cast<char*>(buffer) + kHeader;
  // Perhaps there is memory for it once what is free has gone.
  {
    std::lock_guard<std::mutex> lock(mutex_);
    unneeded = RemoveAll();
  }
  Release(unneeded);
  buffer = Allocate(bytes);
  if (buffer != nullptr) return reinterpret_cast<char*>(buffer) + kHeader;
  std::lock_guard<std::mutex> lock(mutex_);
  used_bytes_ -= bytes;
  max_used_bytes_ = std::max(max_before, used_bytes_);
  return nullptr;
}

void BufferPool::Give(void* memory) {
  if (memory == nullptr) return;
  auto* buffer = reinterpret_cast<Buffer*>(static_cast<char*>(memory) - kHeader);
  Buffer* unneeded;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    used_bytes_ -= buffer->bytes;
    buffer->given_at = takes_;
    Append(buffer);
    unneeded = RemoveUnneeded();
  }
  Release(unneeded);
}

size_t BufferPool::free_bytes() const {
  std::lock_guard<std::mutex> lock(mutex_);
  return free_bytes_;
}

// The smallest one that is large enough and not much too large. Of equal ones the newest, which may
// still be in the cache.
BufferPool::Buffer* BufferPool::FindFree(size_t bytes) {
  Buffer* found = nullptr;
  for (Buffer* each = newest_; each != nullptr; each = each->older) {
    if (each->bytes < bytes || each->bytes > bytes + bytes / kWasteDivisor) continue;
    if (found == nullptr || each->bytes < found->bytes) found = each;
  }
  return found;
}

void BufferPool::Append(Buffer* buffer) {
  buffer->older = newest_;
  buffer->newer = nullptr;
  (newest_ != nullptr ? newest_->newer : oldest_) = buffer;
  newest_ = buffer;
  free_bytes_ += buffer->bytes;
}

void BufferPool::Remove(Buffer* buffer) {
  (buffer->older != nullptr ? buffer->older->newer : oldest_) = buffer->newer;
  (buffer->newer != nullptr ? buffer->newer->older : newest_) = buffer->older;
  free_bytes_ -= buffer->bytes;
}

BufferPool::Buffer* BufferPool::RemoveUnneeded() {
  Buffer* list = nullptr;
  while (oldest_ != nullptr &&
         (used_bytes_ + free_bytes_ > MaxBytes() || oldest_->given_at + kMaxAge < takes_)) {
    Buffer* buffer = oldest_;
    Remove(buffer);
    buffer->newer = list;
    list = buffer;
  }
  return list;
}

BufferPool::Buffer* BufferPool::RemoveAll() {
  Buffer* list = oldest_;
  oldest_ = newest_ = nullptr;
  free_bytes_ = 0;
  return list;
}

BufferPool::Buffer* BufferPool::Allocate(size_t bytes) {
  static_assert(sizeof(Buffer) <= kHeader);
  void* memory = std::aligned_alloc(kAlignment, bytes + kHeader);
  if (memory == nullptr) return nullptr;
  PreferHugePages(memory, bytes + kHeader);
  auto* buffer = static_cast<Buffer*>(memory);
  buffer->bytes = bytes;
  return buffer;
}

void BufferPool::Release(Buffer* list) {
  while (list != nullptr) {
    Buffer* next = list->newer;
    std::free(list);
    list = next;
  }
}

}  // namespace tfsparse
