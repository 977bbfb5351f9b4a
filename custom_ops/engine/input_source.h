#ifndef TFSPARSE_CUSTOM_OPS_ENGINE_INPUT_SOURCE_H_
#define TFSPARSE_CUSTOM_OPS_ENGINE_INPUT_SOURCE_H_

#include <cstdint>

#include "custom_ops/kernels/kernel_args.h"

namespace tfsparse {

// Rows of x that do not lie in memory as a matrix, such as the patches of an image. They are made
// where a tile is packed, so that the matrix never exists.
//
// Contract. Any thread may call it, at any time. A call allocates nothing after the first like it.
class InputSource {
 public:
  // Packs `args.rows` rows from `first` on into args.tile, by `pack`, as if they were a matrix.
  // x and where its rows lie are not in `args` yet. `input_bytes` is what an input of all rows
  // takes in the tile. Returns what `pack` does: whether some element is not finite.
  virtual bool Pack(PackFunction pack, const PackArgs& args, int64_t first,
                    int64_t input_bytes) const = 0;

  // Copies rows to a matrix, one after the other.
  virtual void Copy(int64_t first, int64_t rows, void* matrix) const = 0;

 protected:
  ~InputSource() = default;
};

}  // namespace tfsparse

#endif  // TFSPARSE_CUSTOM_OPS_ENGINE_INPUT_SOURCE_H_
