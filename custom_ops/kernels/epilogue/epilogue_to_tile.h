#ifndef TFSPARSE_CUSTOM_OPS_KERNELS_EPILOGUE_EPILOGUE_TO_TILE_H_
#define TFSPARSE_CUSTOM_OPS_KERNELS_EPILOGUE_EPILOGUE_TO_TILE_H_

// From the sums of a layer to the packed x of the next one, over a vector type
// (vector_avx512.h, vector_avx2.h).
//
// Sums lie as [output][row], and so does a tile, whose inputs are those outputs: nothing is
// transposed. Floats are activated where they are. Bytes are quantized four outputs at a time,
// which is a quad of inputs; byte_layouts.h says where it goes.
//
// Contract. N blocks of bytes begin with an output that is a multiple of four; inputs that are no
// output, up to the next quad, hold anything, and weights of theirs are 0 or are not stored. Of
// floats, which are one to a group, nothing is written but the outputs.
//
// This is text for files of one instruction set, not to be linked.

#include <cstdint>

#include "custom_ops/kernels/epilogue/quantize_quad.h"
#include "custom_ops/kernels/kernel_args.h"
#include "custom_ops/kernels/pack/byte_layouts.h"

namespace tfsparse {
namespace {

// Into is one of byte_layouts.h.
template <class Vec, class Lanes, template <class> class Into>
bool EpilogueToTileAsBytes(const EpilogueArgs& args) {
  constexpr int L = Vec::kLanes;
  constexpr int kTogether = Into<Vec>::kTogether;
  const int64_t registers = args.vectors * (kLanes / L);
  WithQuantization(args, [&](auto activation, auto clamp) {
    for (int64_t output = 0; output < args.outputs; output += 4) {
      for (int64_t r = 0; r < registers; r += kTogether) {
        typename Vec::I32 quads[kTogether];
        for (int v = 0; v < kTogether; ++v) {
          const int32_t* acc = static_cast<const int32_t*>(args.acc) + (r + v) * L;
          quads[v] = QuantizeQuad<Vec, Lanes, decltype(activation)::value, decltype(clamp)::value>(
              args, acc, output, NoQuads<Vec>(args), 0);
        }
        Into<Vec>::Store(static_cast<uint8_t*>(args.y), registers, output / 4, r, quads);
      }
    }
  });
  return false;
}

// Floats, rounded to bfloat16 or not.
template <class Vec, class Lanes, bool kRound = false>
bool EpilogueToTileAsFloats(const EpilogueArgs& args) {
  constexpr int L = Vec::kLanes;
  const float* acc = static_cast<const float*>(args.acc);
  float* tile = static_cast<float*>(args.y);
  const int64_t size = args.outputs * args.vectors * kLanes;
  // 0 * x is 0 for a finite x and NaN for any other.
  const auto zero = Vec::Broadcast(0.0f);
  auto check = zero;
  WithActivation(args.activation, [&](auto activation) {
    for (int64_t i = 0; i < size; i += L) {
      auto value = Activate<Lanes, decltype(activation)::value>(Vec::Load(acc + i));
      if constexpr (kRound) value = Vec::RoundToBf16(value);
      check = Vec::MultiplyAdd(value, zero, check);
      Vec::Store(tile + i, value);
    }
  });
  return Vec::AnyNan(check);
}

}  // namespace
}  // namespace tfsparse

#endif  // TFSPARSE_CUSTOM_OPS_KERNELS_EPILOGUE_EPILOGUE_TO_TILE_H_
