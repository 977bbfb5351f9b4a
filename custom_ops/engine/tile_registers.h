#ifndef TFSPARSE_CUSTOM_OPS_ENGINE_TILE_REGISTERS_H_
#define TFSPARSE_CUSTOM_OPS_ENGINE_TILE_REGISTERS_H_

#include "custom_ops/engine/registry.h"

namespace tfsparse {

// The tile registers of a thread, which are set up while this lives, for the kernels that need
// them. To set them up and give them back takes 250 cycles of the time stamp counter on Emerald
// Rapids, as much as ten groups of products. So a thread does it once for all the items that it is
// handed at a time: a whole call, if it is alone.
class TileRegisters {
 public:
  TileRegisters() = default;
  TileRegisters(const TileRegisters&) = delete;
  TileRegisters& operator=(const TileRegisters&) = delete;
  ~TileRegisters() {
    if (end_ != nullptr) end_();
  }

  // Sets them up for these functions, if they need it and it was not done yet.
  void SetUpFor(const TileFunctions& functions) {
    if (functions.begin == nullptr || end_ != nullptr) return;
    functions.begin();
    end_ = functions.end;
  }

 private:
  void (*end_)() = nullptr;
};

}  // namespace tfsparse

#endif  // TFSPARSE_CUSTOM_OPS_ENGINE_TILE_REGISTERS_H_
