#include "custom_ops/conv/depthwise.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "custom_ops/conv/depthwise_args.h"
#include "custom_ops/conv/depthwise_finish.h"
#include "custom_ops/conv/depthwise_kernels.h"
#include "custom_ops/conv/quantize_images.h"
#include "custom_ops/engine/registry.h"
#include "custom_ops/engine/workspace.h"
#include "custom_ops/kernels/activation_functions.h"
#include "custom_ops/kernels/lanes_scalar.h"
#include "custom_ops/kernels/look_up.h"
#include "custom_ops/kernels/quantize.h"

namespace tfsparse {
namespace {

// A tile of that size stays in the nearest cache beside the weights.
constexpr int64_t kTileBytes = 20 << 10;
// What the kernels are given: a larger tile or larger kernels go tap by tap.
constexpr int64_t kMaxTileBytes = 1 << 20;
constexpr int64_t kMaxKernelTaps = 1024;

// For whole blocks, and for what is left if that is few channels; none on some ISAs.
struct Kernels {
  DepthwiseKernel wide, narrow;
};

Kernels KernelsOf(Isa isa) {
  if (Includes(isa, Isa::kAvx512Vnni)) return {DepthwiseAvx512Vnni(), DepthwiseAvx512VnniNarrow()};
  if (Includes(isa, Isa::kAvx512)) return {DepthwiseAvx512(), DepthwiseAvx512Narrow()};
  if (Includes(isa, Isa::kAvx2Vnni)) return {DepthwiseAvx2Vnni(), {}};
  if (Includes(isa, Isa::kAvx2)) return {DepthwiseAvx2(), {}};
  return {};
}

// How the work is cut: strips of rows of y by blocks of channels.
struct Cut {
  Cut(const DepthwiseCall& call, const Kernels& kernels) {
    const ConvAxis &height = call.height, &width = call.width;
    groups = (height.kernel + 3) / 4;
    // A kernel of one row would be packed four times.
    const bool shares = height.dilation == 1 && height.kernel > 1;
    rows = shares ? (4 * groups - height.kernel) / height.stride + 1 : 1;
    strips = (height.out() + rows - 1) / rows;
    block = kernels.wide.block;
    blocks = (call.channels + block - 1) / block;
    const int64_t place = groups * 4 * block;
    const int64_t reach = width.reach(), room = kTileBytes / place;
    columns = room < reach ? 0 : (room - reach) / width.stride + 1;
    columns = std::min(width.out(), std::max(columns, kDepthwiseColumns));
    packed = rows * groups * width.kernel * 4 * block;
    // Of the sizes, each is below 2^31.
    const int64_t tile_columns = (columns - 1) * width.stride + reach;
    tile = place * std::min(tile_columns, kMaxTileBytes);
  }

  int64_t groups, rows, strips, block, blocks, columns;
  int64_t packed, tile;  // bytes: weights of a block, and the tile
};

// The kernels' weights and constants, in the workspace of the calling thread.
struct Prepared {
  const int8_t* packed;
  const int32_t* acc_init;
  const float *scale, *bias;
};

const DepthwiseKernel& KernelFor(const Kernels& kernels, int64_t count) {
  return count <= kernels.narrow.block ? kernels.narrow : kernels.wide;
}

// Of a channel of a block of so many, its place in lane order (depthwise_args.h).
int64_t LaneOf(int64_t channel, int64_t block) {
  return channel % 16 / 4 * (block / 4) + channel / 16 * 4 + channel % 4;
}

Prepared Prepare(const DepthwiseCall& call, const Kernels& kernels, const Cut& cut,
                 const DepthwiseFinish& finish) {
  Workspace& workspace = Workspace::OfThisThread();
  Workspace::Constants& constants = workspace.constants[0];
  const int64_t lanes = cut.blocks * cut.block;
  workspace.depthwise_weights.Reserve(cut.blocks * cut.packed);
  constants.acc_init.Reserve(lanes);
  constants.scale.Reserve(lanes);
  constants.bias.Reserve(lanes);
  for (int64_t block = 0; block < cut.blocks; ++block) {
    const int64_t first = block * cut.block;
    const int64_t count = std::min(cut.block, call.channels - first);
    const DepthwiseKernel& kernel = KernelFor(kernels, count);
    PackDepthwiseArgs args = {};
    args.weights = call.weights + first;
    args.channels = call.channels, args.count = count;
    args.kernel_height = call.height.kernel, args.kernel_width = call.width.kernel;
    args.stride = call.height.stride;
    args.out_rows = cut.rows, args.groups = cut.groups;
    args.x_zero_point = call.call.quantization.x_zero_point;
    args.packed = workspace.depthwise_weights.data() + block * cut.packed;
    args.acc_init = constants.acc_init.data() + first;
    kernel.pack(args);
    float* scale = constants.scale.data() + first;
    float* bias = constants.bias.data() + first;
    std::fill_n(scale, cut.block, 0.0f);
    std::fill_n(bias, cut.block, 0.0f);
    for (int64_t c = 0; c < count; c += 4) {
      const int64_t lane = LaneOf(c, kernel.block);
      for (int64_t i = 0; i < std::min<int64_t>(4, count - c); ++i) {
        scale[lane + i] = finish.scale(first + c + i);
        bias[lane + i] = finish.bias(first + c + i);
      }
    }
  }
  return {workspace.depthwise_weights.data(), constants.acc_init.data(), constants.scale.data(),
          constants.bias.data()};
}

// Rows of x that a strip of an image reads, each at its first pixel; null for padding.
void FindRows(const DepthwiseCall& call, const Cut& cut, int64_t image, int64_t strip,
              const uint8_t** rows) {
  const ConvAxis& height = call.height;
  const auto* x = static_cast<const uint8_t*>(call.call.x.data);
  const int64_t first = strip * cut.rows * height.stride - height.before;
  for (int64_t i = 0; i < 4 * cut.groups; ++i) {
    const int64_t row = first + i * height.dilation;
    const bool is_there = row >= 0 && row < height.size;
    rows[i] =
        is_there ? x + (image * height.size + row) * call.width.size * call.channels : nullptr;
  }
}

void RunStrips(const DepthwiseCall& call, const Kernels& kernels, const Cut& cut,
               const DepthwiseFinish& finish, const Prepared& prepared, int64_t begin,
               int64_t end) {
  Workspace& workspace = Workspace::OfThisThread();
  workspace.tiles[0].Reserve(cut.tile);
  workspace.accumulators.Reserve(kDepthwiseColumns * kDepthwiseBlock);
  workspace.image_rows.Reserve(8 * cut.groups);
  const uint8_t** const whole = workspace.image_rows.data();
  const uint8_t** const rows = whole + 4 * cut.groups;
  DepthwiseArgs args = {};
  args.rows = rows;
  args.channels = call.channels;
  args.width = call.width.size, args.before = call.width.before;
  args.kernel_width = call.width.kernel;
  args.stride = call.width.stride, args.dilation = call.width.dilation;
  args.groups = cut.groups;
  args.out_columns = call.width.out();
  args.columns = cut.columns;
  args.x_zero_point = call.call.quantization.x_zero_point;
  args.activation = call.call.epilogue.activation;
  args.is_bounded = finish.is_bounded;
  args.least_byte = finish.byte(finish.low), args.most_byte = finish.byte(finish.high);
  args.table = finish.looks_up ? &finish.table : nullptr;
  args.low = finish.low, args.high = finish.high;
  args.y_is_u8 = call.call.y.is_u8;
  args.inv_y_scale = finish.inv_y_scale;
  args.y_zero_point = call.call.quantization.y_zero_point;
  args.tile = workspace.tiles[0].data();
  args.acc = workspace.accumulators.data();
  int64_t found = -1;
  for (int64_t item = begin; item < end; ++item) {
    const int64_t place = item / cut.blocks, block = item % cut.blocks;
    const int64_t image = place / cut.strips, strip = place % cut.strips;
    if (place != found) FindRows(call, cut, image, strip, whole);
    found = place;
    const int64_t first = block * cut.block, row = strip * cut.rows;
    for (int64_t i = 0; i < 4 * cut.groups; ++i) {
      rows[i] = whole[i] == nullptr ? nullptr : whole[i] + first;
    }
    args.count = std::min(cut.block, call.channels - first);
    args.out_rows = std::min(cut.rows, call.height.out() - row);
    args.packed = prepared.packed + block * cut.packed;
    args.acc_init = prepared.acc_init + first;
    args.scale = prepared.scale + first, args.bias = prepared.bias + first;
    args.y = call.call.y.at((image * call.height.out() + row) * args.out_columns * call.channels +
                            first);
    KernelFor(kernels, args.count).run(args);
  }
}

// The sums of a pixel of y, tap by tap.
void SumTaps(const DepthwiseCall& call, int64_t image, int64_t row, int64_t column,
             int32_t* __restrict acc) {
  const ConvAxis &height = call.height, &width = call.width;
  const int64_t channels = call.channels;
  const int32_t zero_point = call.call.quantization.x_zero_point;
  std::fill_n(acc, channels, 0);
  for (int64_t i = 0; i < height.kernel; ++i) {
    const int64_t y = row * height.stride - height.before + i * height.dilation;
    if (y < 0 || y >= height.size) continue;
    for (int64_t j = 0; j < width.kernel; ++j) {
      const int64_t x = column * width.stride - width.before + j * width.dilation;
      if (x < 0 || x >= width.size) continue;
      const uint8_t* __restrict pixel = static_cast<const uint8_t*>(call.call.x.data) +
                                        ((image * height.size + y) * width.size + x) * channels;
      const int8_t* __restrict w = call.weights + (i * width.kernel + j) * channels;
      for (int64_t c = 0; c < channels; ++c) acc[c] += (pixel[c] - zero_point) * w[c];
    }
  }
}

uint8_t Bounded(const DepthwiseFinish& finish, float value) {
  const float above = value > finish.low ? value : finish.low;
  const float bounded = above < finish.high ? above : finish.high;
  return static_cast<uint8_t>(static_cast<int32_t>(std::nearbyint(bounded)) +
                              finish.call.quantization.y_zero_point);
}

// Pixels [begin, end) of y, on any processor.
void RunPixels(const DepthwiseCall& call, const DepthwiseFinish& finish, int64_t begin,
               int64_t end) {
  const int64_t rows = call.height.out(), columns = call.width.out();
  AlignedBuffer<int32_t>& sums = Workspace::OfThisThread().accumulators;
  sums.Reserve(call.channels);
  const int32_t* acc = sums.data();
  for (int64_t pixel = begin; pixel < end; ++pixel) {
    const int64_t row = pixel / columns;
    SumTaps(call, row / rows, row % rows, pixel % columns, sums.data());
    WithActivation(call.call.epilogue.activation, [&](auto activation) {
      for (int64_t c = 0; c < call.channels; ++c) {
        const float sum = std::fma(static_cast<float>(acc[c]), finish.scale(c), finish.bias(c));
        void* y = call.call.y.at(pixel * call.channels + c);
        if (finish.is_bounded) {
          *static_cast<uint8_t*>(y) = Bounded(finish, sum);
          continue;
        }
        if (finish.looks_up) {
          *static_cast<uint8_t*>(y) = LookUpU8(finish.table, sum);
          continue;
        }
        const float value = Activate<LanesScalar, decltype(activation)::value>(sum);
        if (call.call.y.is_u8) {
          *static_cast<uint8_t*>(y) =
              QuantizeU8(value, finish.inv_y_scale, call.call.quantization.y_zero_point);
        } else {
          *static_cast<float*>(y) = value;
        }
      }
    });
  }
}

// The same call with x quantized, in the workspace of this thread.
DepthwiseCall Quantized(const DepthwiseCall& call, Isa isa, const Threads& threads) {
  const int64_t size = call.batch * (call.height.size * call.width.size) * call.channels;
  const PackFunction quantize_rows =
      SelectTileFunctions(SelectKernel<int8_t>(isa, 1, 1)).quantize_rows;
  DepthwiseCall quantized = call;
  quantized.call = QuantizeImages(call.call, size, quantize_rows, threads);
  return quantized;
}

void RunQuantized(const DepthwiseCall& call, Isa isa, const Threads& threads) {
  const int64_t taps = call.height.kernel * call.width.kernel;
  const DepthwiseFinish finish(call.call, call.channels, taps);
  const Kernels kernels = KernelsOf(isa);
  const int64_t rows = call.batch * call.height.out();
  if (kernels.wide.run != nullptr && taps <= kMaxKernelTaps) {
    const Cut cut(call, kernels);
    const bool fits = !finish.is_bounded || finish.FitsInt32(call.channels, taps);
    if (fits && cut.tile <= kMaxTileBytes) {
      const Prepared prepared = Prepare(call, kernels, cut, finish);
      const int64_t cost = cut.packed / 64 * cut.columns * 2;
      threads.Run(call.batch * cut.strips * cut.blocks, cost, [&](int64_t begin, int64_t end) {
        RunStrips(call, kernels, cut, finish, prepared, begin, end);
      });
      return;
    }
  }
  threads.Run(rows * call.width.out(), call.channels * taps + 1,
              [&](int64_t begin, int64_t end) { RunPixels(call, finish, begin, end); });
}

}  // namespace

Status ValidateDepthwise(const ConvAxis& height, const ConvAxis& width) {
  for (const Status& status : {ValidateAxis(height, "height"), ValidateAxis(width, "width")}) {
    if (!status.ok()) return status;
  }
  const int64_t taps = height.kernel * width.kernel;
  if (taps <= kMaxDepthwiseTaps) return {};
  return Status::Invalid("A depthwise kernel should have at most ", kMaxDepthwiseTaps,
                         " taps. Received: ", height.kernel, " x ", width.kernel);
}

Status Depthwise(const DepthwiseCall& call, Isa isa, const Threads& threads) {
  if (Status status = ValidateDepthwise(call.height, call.width); !status.ok()) return status;
  if (Status status = CheckQuantization(call.call, call.channels); !status.ok()) return status;
  // Beside a size of 0 others may be so large that they cannot be multiplied.
  if (call.batch == 0 || call.channels == 0 || call.height.out() == 0 || call.width.out() == 0) {
    return {};
  }
  const bool is_empty = call.height.size == 0 || call.width.size == 0;
  RunQuantized(call.call.x.is_u8 || is_empty ? call : Quantized(call, isa, threads), isa, threads);
  return {};
}

}  // namespace tfsparse
