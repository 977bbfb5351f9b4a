#include "custom_ops/conv/scale_shift_channels.h"

#include <algorithm>
#include <cstdint>
#include <numeric>

#include "custom_ops/kernels/scale_shift.h"
#include "custom_ops/kernels/scale_shift_avx2.h"
#include "custom_ops/kernels/scale_shift_avx512.h"

namespace tfsparse {
namespace {

constexpr int64_t kValuesPerCycle = 4;
// The loop over channels goes register by register, and one by one over the rest. So several pixels
// are taken for one, of a multiple of kRegister channels, unless those are more than kMaxTogether.
constexpr int64_t kRegister = 64, kMaxTogether = 2048;

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
  const int64_t together = kRegister / std::gcd(kRegister, args.channels);
  // Their scales are written first, which takes about as long as a pixel.
  if (together > 1 && args.channels <= kMaxTogether / together && args.pixels >= 4 * together) {
    float scale[kMaxTogether], shift[kMaxTogether];
    ScaleShiftArgs wide = args;
    wide.channels = together * args.channels;
    wide.pixels = args.pixels / together;
    wide.scale = scale, wide.shift = args.shift == nullptr ? nullptr : shift;
    for (int64_t first = 0; first < wide.channels; first += args.channels) {
      std::copy_n(args.scale, args.channels, scale + first);
      if (args.shift != nullptr) std::copy_n(args.shift, args.channels, shift + first);
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
