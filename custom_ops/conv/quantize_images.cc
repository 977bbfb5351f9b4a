#include "custom_ops/conv/quantize_images.h"

#include <algorithm>

#include "custom_ops/engine/workspace.h"

namespace tfsparse {

LayerCall QuantizeImages(const LayerCall& call, int64_t size, PackFunction quantize_rows,
                         const Threads& threads) {
  constexpr int64_t kChunk = 1 << 14;  // a multiple of 64: no chunk is written beyond its end
  const auto* x = static_cast<const float*>(call.x.data);
  AlignedBuffer<uint8_t>& images = Workspace::OfThisThread().images;
  images.Reserve(size + kGemvPadding);
  threads.Run((size + kChunk - 1) / kChunk, kChunk / 8, [&](int64_t begin, int64_t end) {
    PackArgs args = {};
    args.rows = 1;
    args.x = x + begin * kChunk;
    args.inputs = args.stride = std::min(size, end * kChunk) - begin * kChunk;
    args.inv_scale = 1 / call.quantization.x_scale;
    args.zero_point = call.quantization.x_zero_point;
    args.tile = images.data() + begin * kChunk;
    quantize_rows(args);
  });
  LayerCall quantized = call;
  quantized.x.data = images.data();
  quantized.x.is_u8 = true;
  return quantized;
}

}  // namespace tfsparse
