#include "custom_ops/conv/patch_source.h"

#include <algorithm>
#include <cstring>

#include "custom_ops/base/aligned_buffer.h"

namespace tfsparse {
namespace {

// Bytes of a row that are copied before they are packed, so that a tile's stay in the cache.
constexpr int64_t kCopiedBytes = 1024;
// From row to row of a copy, such that rows do not fall into the same sets of the cache.
constexpr int64_t kCopyStride = kCopiedBytes + kAlignment;

// Buffers of a thread, kept between calls so that a call allocates nothing.
struct Scratch {
  AlignedBuffer<uint8_t> padding;
  AlignedBuffer<uint8_t> copies;

  static Scratch& OfThisThread() {
    thread_local Scratch scratch;
    return scratch;
  }
};

// ceil(a / b) and floor(a / b) of a >= 0. Most strides are 1, and division is slow.
int64_t DivideUp(int64_t a, int64_t b) { return b == 1 ? a : (a + b - 1) / b; }
int64_t DivideDown(int64_t a, int64_t b) { return b == 1 ? a : a / b; }

// Whether packing runs of so many inputs leaves no more than a quarter of its registers empty.
bool FillsRegisters(int64_t inputs, int64_t in_register) {
  const int64_t registers = (inputs + in_register - 1) / in_register;
  return 4 * inputs >= 3 * registers * in_register;
}

}  // namespace

PatchSource::PatchSource(const ConvGeometry& geometry, int64_t group, const void* x,
                         int64_t element_bytes, uint8_t padding, int in_lane)
    : geometry_(geometry),
      x_(static_cast<const uint8_t*>(x) + group * geometry.group_channels() * element_bytes),
      x_end_(static_cast<const uint8_t*>(x) + geometry.batch * geometry.height.size *
                                                  geometry.width.size * geometry.channels *
                                                  element_bytes),
      bytes_(element_bytes),
      pixel_bytes_(geometry.channels * element_bytes),
      padding_(padding) {
  const ConvAxis& width = geometry.width;
  const int64_t channels = geometry.group_channels();
  const bool is_side_by_side = geometry.groups == 1 && width.dilation == 1;
  const int64_t in_register = int64_t{in_lane} * kLanes;
  const auto can_point = [&](int64_t inputs, int64_t runs) {
    if (runs == 1) return true;
    return inputs % in_lane == 0 && FillsRegisters(inputs, in_register);
  };
  const int64_t taps = geometry.height.kernel * width.kernel;
  if (taps == 1 || (channels > 0 && channels % in_register == 0)) {
    by_pointers_ = true;
  } else if (is_side_by_side && can_point(channels * width.kernel, geometry.height.kernel)) {
    by_pointers_ = true;
    taps_ = width.kernel;
  } else {
    by_pointers_ = can_point(channels, taps);
    if (!by_pointers_ && is_side_by_side) taps_ = width.kernel;
  }
  run_inputs_ = taps_ * channels;
  runs_ = taps / taps_;
}

bool PatchSource::Pack(PackFunction pack, const PackArgs& args, int64_t first,
                       int64_t input_bytes) const {
  if (args.inputs == 0) return false;
  const Segments segments = Cut(first, args.rows);
  return by_pointers_ ? PackByPointers(pack, args, segments, input_bytes)
                      : PackByCopies(pack, args, segments, input_bytes);
}

void PatchSource::Copy(int64_t first, int64_t rows, void* matrix) const {
  uint8_t* to = static_cast<uint8_t*>(matrix);
  const int64_t inputs = geometry_.inputs();
  for (int64_t row = 0; row < rows; row += kMaxRows) {
    for (const Segment& segment : Cut(first + row, std::min(kMaxRows, rows - row))) {
      for (int64_t i = 0; i < segment.count; ++i) {
        CopyRow(segment, i, 0, inputs, /*has_room=*/false, to);
        to += inputs * bytes_;
      }
    }
  }
}

PatchSource::Segments PatchSource::Cut(int64_t first, int64_t rows) const {
  const ConvAxis &height = geometry_.height, &width = geometry_.width;
  const int64_t out_width = width.out(), out_height = height.out();
  int64_t x = first % out_width, y = first / out_width % out_height;
  int64_t image = first / out_width / out_height;
  Segments segments;
  for (int64_t row = 0; row < rows;) {
    Segment& segment = segments.segments[segments.count++];
    segment.row = row;
    segment.count = std::min(out_width - x, rows - row);
    segment.image = x_ + image * height.size * width.size * pixel_bytes_;
    segment.y = y * height.stride - height.before;
    segment.x = x * width.stride - width.before;
    row += segment.count;
    x = 0;
    if (++y == out_height) y = 0, ++image;
  }
  return segments;
}

PatchSource::Run PatchSource::RunAt(int64_t number) const {
  const int64_t in_row = geometry_.width.kernel / taps_;
  return {number / in_row * geometry_.height.dilation, number % in_row * geometry_.width.dilation,
          taps_};
}

bool PatchSource::PackByPointers(PackFunction pack, PackArgs args, const Segments& segments,
                                 int64_t input_bytes) const {
  Scratch& scratch = Scratch::OfThisThread();
  const int64_t run_bytes = run_inputs_ * bytes_;
  scratch.padding.Reserve(run_bytes);
  std::memset(scratch.padding.data(), padding_, static_cast<size_t>(run_bytes));
  if (taps_ > 1) scratch.copies.Reserve(args.rows * run_bytes);
  const void* rows_at[kMaxRows];
  uint8_t* tile = static_cast<uint8_t*>(args.tile);
  args.rows_at = rows_at;
  args.inputs = run_inputs_;
  bool non_finite = false;
  for (int64_t run = 0; run < runs_; ++run) {
    for (const Segment& segment : segments) {
      Point(segment, RunAt(run), scratch.padding.data(),
            taps_ > 1 ? scratch.copies.data() + segment.row * run_bytes : nullptr,
            rows_at + segment.row);
    }
    args.tile = tile + run * run_inputs_ * input_bytes;
    non_finite |= pack(args);
  }
  return non_finite;
}

// Where a run begins for each pixel of a segment.
void PatchSource::Point(const Segment& segment, const Run& run, const uint8_t* padding,
                        uint8_t* copies, const void** rows_at) const {
  const ConvAxis& width = geometry_.width;
  const int64_t y = segment.y + run.y, x = segment.x + run.x;
  if (y < 0 || y >= geometry_.height.size) {
    std::fill_n(rows_at, segment.count, padding);
    return;
  }
  // Pixels [inside, outside) have all taps in the image.
  const int64_t last = width.size - run.taps - x;
  const int64_t inside = x >= 0 ? 0 : std::min(segment.count, DivideUp(-x, width.stride));
  const int64_t outside =
      std::max(inside, last < 0 ? 0 : std::min(segment.count, DivideDown(last, width.stride) + 1));
  const auto edge = [&](int64_t pixel) {
    rows_at[pixel] = padding;
    if (run.taps == 1) return;
    rows_at[pixel] = copies + pixel * run_inputs_ * bytes_;
    CopyRun(segment, pixel, run, 0, run_inputs_, /*has_room=*/false,
            copies + pixel * run_inputs_ * bytes_);
  };
  for (int64_t pixel = 0; pixel < inside; ++pixel) edge(pixel);
  const int64_t step = width.stride * pixel_bytes_;
  const uint8_t* at = segment.image + (y * width.size + x) * pixel_bytes_;
  for (int64_t pixel = inside; pixel < outside; ++pixel) rows_at[pixel] = at + pixel * step;
  for (int64_t pixel = outside; pixel < segment.count; ++pixel) edge(pixel);
}

bool PatchSource::PackByCopies(PackFunction pack, PackArgs args, const Segments& segments,
                               int64_t input_bytes) const {
  AlignedBuffer<uint8_t>& copies = Scratch::OfThisThread().copies;
  copies.Reserve(args.rows * kCopyStride);
  uint8_t* tile = static_cast<uint8_t*>(args.tile);
  const int64_t inputs = args.inputs, most = kCopiedBytes / bytes_;
  args.x = copies.data();
  args.stride = kCopyStride / bytes_;
  bool non_finite = false;
  for (int64_t begin = 0; begin < inputs; begin += most) {
    const int64_t end = std::min(inputs, begin + most);
    for (const Segment& segment : segments) {
      for (int64_t i = 0; i < segment.count; ++i) {
        CopyRow(segment, i, begin, end, /*has_room=*/true,
                copies.data() + (segment.row + i) * kCopyStride);
      }
    }
    args.inputs = end - begin;
    args.tile = tile + begin * input_bytes;
    non_finite |= pack(args);
  }
  return non_finite;
}

// Inputs [begin, end) of a pixel. Where there is room, up to 64 bytes behind them may be written.
void PatchSource::CopyRow(const Segment& segment, int64_t pixel, int64_t begin, int64_t end,
                          bool has_room, uint8_t* to) const {
  if (begin == end) return;
  int64_t number = begin / run_inputs_;
  for (int64_t at = begin - number * run_inputs_; begin < end; ++number, at = 0) {
    const int64_t count = std::min(run_inputs_ - at, end - begin);
    CopyRun(segment, pixel, RunAt(number), at, at + count, has_room, to);
    to += count * bytes_;
    begin += count;
  }
}

// Inputs [begin, end) of a run.
void PatchSource::CopyRun(const Segment& segment, int64_t pixel, const Run& run, int64_t begin,
                          int64_t end, bool has_room, uint8_t* to) const {
  const ConvAxis& width = geometry_.width;
  const int64_t y = segment.y + run.y, x = segment.x + run.x + pixel * width.stride;
  // Inputs [inside, outside) of the run are in the image.
  int64_t inside = end, outside = end;
  if (y >= 0 && y < geometry_.height.size) {
    const int64_t channels = geometry_.group_channels();
    const int64_t taps = std::clamp<int64_t>(width.size - x, 0, run.taps);
    inside = std::clamp(std::min(-x, run.taps) * channels, begin, end);
    outside = std::clamp(taps * channels, inside, end);
  }
  std::memset(to, padding_, static_cast<size_t>((inside - begin) * bytes_));
  if (inside < outside) {
    const uint8_t* at = segment.image + (y * width.size + x) * pixel_bytes_ + inside * bytes_;
    CopyInside(at, (outside - inside) * bytes_, has_room, to + (inside - begin) * bytes_);
  }
  std::memset(to + (outside - begin) * bytes_, padding_,
              static_cast<size_t>((end - outside) * bytes_));
}

// Short copies of a fixed size are a few instructions.
void PatchSource::CopyInside(const uint8_t* from, int64_t bytes, bool has_room, uint8_t* to) const {
  if (has_room && bytes <= 32 && x_end_ - from >= 32) {
    std::memcpy(to, from, 32);
  } else if (has_room && bytes <= 64 && x_end_ - from >= 64) {
    std::memcpy(to, from, 64);
  } else {
    std::memcpy(to, from, static_cast<size_t>(bytes));
  }
}

}  // namespace tfsparse
