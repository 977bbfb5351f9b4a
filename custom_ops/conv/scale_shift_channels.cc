#include "custom_ops/conv/scale_shift_channels.h"

#include <cstdint>

#include "custom_ops/kernels/scale_shift.h"
#include "custom_ops/kernels/scale_shift_avx2.h"
#include "custom_ops/kernels/scale_shift_avx512.h"

namespace tfsparse {
namespace {

constexpr int64_t kValuesPerCycle = 4;

void ScaleShiftOn(Isa isa, const ScaleShiftArgs& args) {
  if (Includes(isa, Isa::kAvx512)) return ScaleShiftAvx512(args);
  if (Includes(isa, Isa::kAvx2)) return ScaleShiftAvx2(args);
  ScaleShift(args);
}

}  // namespace

void ScaleShiftChannels(const ScaleShiftArgs& args, Isa isa, const Threads& threads) {
  threads.Run(args.pixels, args.channels / kValuesPerCycle + 1, [&](int64_t begin, int64_t end) {
    ScaleShiftArgs part = args;
    const int64_t first = begin * args.channels;
    part.pixels = end - begin;
    if (part.x_u8 != nullptr) part.x_u8 += first;
    if (part.x_f32 != nullptr) part.x_f32 += first;
    if (part.y_f32 != nullptr) part.y_f32 += first;
    if (part.y_u8 != nullptr) part.y_u8 += first;
    ScaleShiftOn(isa, part);
  });
}

}  // namespace tfsparse
