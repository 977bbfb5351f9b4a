#ifndef TFSPARSE_CUSTOM_OPS_KERNELS_ISA_AMX_H_
#define TFSPARSE_CUSTOM_OPS_KERNELS_ISA_AMX_H_

#include "custom_ops/kernels/kernel_args.h"

namespace tfsparse {

// The kernel for panels of kTileOutputs outputs and tiles of `vectors` vectors, or null
// where there is none; uint8 x, int8 weights, WeightPacking::kAmxTiles. Needs AMX-TILE,
// AMX-INT8, AVX-512 F and BW, and the system's permission to use tiles, and
// runs between BeginAmx and EndAmx of the same thread.
MultiplyFunction MultiplyAmx(int nr, int vectors);

// Sets the thread's tile registers up, and gives them back: other libraries in the thread
// (oneDNN) set up their own, and a thread without tiles is cheaper to switch.
void BeginAmx();
void EndAmx();

}  // namespace tfsparse

#endif  // TFSPARSE_CUSTOM_OPS_KERNELS_ISA_AMX_H_
