#include "custom_ops/conv/scale_shift_channels.h"

#include <cstdint>

#include "custom_ops/kernels/scale_shift.h"
#include "custom_ops/kernels/scale_shift_avx2.h"
#include "custom_ops/kernels/scale_shift_avx512.h"

namespace tfsparse {
namespace {

constexpr int64_t kValuesPerCycle = 4;
// The loop over channels is for registers of them: fewer than this are taken for more, of several
// pixels at a time.
constexpr int64_t kFewChannels = 32, kTogether = 64;

void ScaleShiftOn(Isa isa, const ScaleShiftArgs& args) {
  if (Includes(isa, Isa::kAvx512)) return ScaleShiftAvx512(args);
  if (Includes(isa, Isa::kAvx2)) return ScaleShiftAvx2(args);
  ScaleShift(args);
}

// Passes over pixels.
void Skip(int64_t pixels, ScaleShiftArgs* args) {
  const int64_t first = pixels * args->channels;
  args->pixels -= pixels;
  if (args->x_u8 != nullptr) args->x_u8 += first;
  if (args->x_f32 != nullptr) args->x_f32 += first;
  if (args->y_f32 != nullptr) args->y_f32 += first;
  if (args->y_u8 != nullptr) args->y_u8 += first;
}

void ScaleShiftPixels(Isa isa, ScaleShiftArgs args) {
  const bool few = args.channels > 0 && args.channels < kFewChannels;
  const int64_t together = few ? kTogether / args.channels : 1;
  if (together > 1 && args.pixels >= together) {
    float scale[kTogether], shift[kTogether];
    ScaleShiftArgs wide = args;
    wide.channels = together * args.channels;
    wide.pixels = args.pixels / together;
    wide.scale = scale, wide.shift = shift;
    for (int64_t i = 0; i < wide.channels; ++i) {
      scale[i] = args.scale[i % args.channels];
      shift[i] = args.shift[i % args.channels];
    }
    ScaleShiftOn(isa, wide);
    Skip(wide.pixels * together, &args);
  }
  if (args.pixels > 0) ScaleShiftOn(isa, args);
}

}  // namespace

void ScaleShiftChannels(const ScaleShiftArgs& args, Isa isa, const Threads& threads) {
  threads.Run(args.pixels, args.channels / kValuesPerCycle + 1, [&](int64_t begin, int64_t end) {
    ScaleShiftArgs part = args;
    Skip(begin, &part);
    part.pixels = end - begin;
    ScaleShiftPixels(isa, part);
  });
}

}  // namespace tfsparse
