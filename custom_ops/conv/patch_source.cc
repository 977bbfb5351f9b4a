#include "custom_ops/conv/patch_source.h"

#include <algorithm>
#include <cstring>

#include "custom_ops/engine/workspace.h"

namespace tfsparse {
namespace {

// Bytes of a row that are copied before they are packed, so that a tile's stay in the cache.
constexpr int64_t kCopiedBytes = 1024;
// From row to row of a copy, such that rows do not fall into the same sets of the cache.
constexpr int64_t kCopyStride = kCopiedBytes + kAlignment;

// An image without pixels, of which there is nothing but padding, may have no memory; places are
// still counted from where it begins.
const uint8_t* Image(const void* x) {
  static constexpr uint8_t kNone = 0;
  return x == nullptr ? &kNone : static_cast<const uint8_t*>(x);
}

// ceil(a / b) and floor(a / b) of a >= 0. Most strides are 1, and division is slow.
int64_t DivideUp(int64_t a, int64_t b) { return b == 1 ? a : (a + b - 1) / b; }
int64_t DivideDown(int64_t a, int64_t b) { return b == 1 ? a : a / b; }

// Whether packing runs of so many inputs leaves no more than a quarter of its registers empty.
bool FillsRegisters(int64_t inputs, int64_t in_register) {
  const int64_t registers = (inputs + in_register - 1) / in_register;
  return 4 * inputs >= 3 * registers * in_register;
}

// Copies of a fixed size are a few instructions each. They read and write up to kRoom bytes.
template <int64_t kRoom>
void CopyRowsOf(const uint8_t* from, int64_t step, int64_t rows, uint8_t* to) {
  for (int64_t row = 0; row < rows; ++row) {
    std::memcpy(to + row * kCopyStride, from + row * step, kRoom);
  }
}

// `bytes` of each row. Behind them kAlignment may be written, and read up to `end`.
void CopyRows(const uint8_t* from, int64_t step, const uint8_t* end, int64_t rows, int64_t bytes,
              uint8_t* to) {
  const int64_t left = end - (from + (rows - 1) * step);
  if (bytes <= 16 && left >= 16) return CopyRowsOf<16>(from, step, rows, to);
  if (bytes <= 32 && left >= 32) return CopyRowsOf<32>(from, step, rows, to);
  if (bytes <= 64 && left >= 64) return CopyRowsOf<64>(from, step, rows, to);
  for (int64_t row = 0; row < rows; ++row) {
    std::memcpy(to + row * kCopyStride, from + row * step, static_cast<size_t>(bytes));
  }
}

}  // namespace

PatchSource::PatchSource(const ConvGeometry& geometry, int64_t group, const void* x,
                         int64_t element_bytes, uint8_t padding, int in_lane)
    : geometry_(geometry),
      x_(Image(x) + group * geometry.group_channels() * element_bytes),
      x_end_(Image(x) + geometry.batch * (geometry.height.size * geometry.width.size) *
                            geometry.channels * element_bytes),
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
  if (run_inputs_ == 0) return;
  for (int64_t row = 0; row < rows; row += kMaxRows) {
    for (const Segment& segment : Cut(first + row, std::min(kMaxRows, rows - row))) {
      for (int64_t i = 0; i < segment.count; ++i) {
        for (int64_t run = 0; run < runs_; ++run, to += run_inputs_ * bytes_) {
          CopyRun(segment, i, RunAt(run), 0, run_inputs_, to);
        }
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
  Workspace& workspace = Workspace::OfThisThread();
  const int64_t run_bytes = run_inputs_ * bytes_;
  workspace.padding.Reserve(run_bytes);
  std::memset(workspace.padding.data(), padding_, static_cast<size_t>(run_bytes));
  if (taps_ > 1) workspace.copies.Reserve(args.rows * run_bytes);
  const void* rows_at[kMaxRows];
  uint8_t* tile = static_cast<uint8_t*>(args.tile);
  args.rows_at = rows_at;
  args.inputs = run_inputs_;
  bool non_finite = false;
  for (int64_t run = 0; run < runs_; ++run) {
    for (const Segment& segment : segments) {
      Point(segment, RunAt(run), workspace.padding.data(),
            taps_ > 1 ? workspace.copies.data() + segment.row * run_bytes : nullptr,
            rows_at + segment.row);
    }
    args.tile = tile + run * run_inputs_ * input_bytes;
    non_finite |= pack(args);
  }
  return non_finite;
}

bool PatchSource::IsRowInside(const Segment& segment, const Run& run) const {
  const int64_t y = segment.y + run.y;
  return y >= 0 && y < geometry_.height.size;
}

// Of a run whose row is inside.
PatchSource::Inside PatchSource::FindInside(const Segment& segment, const Run& run) const {
  const ConvAxis& width = geometry_.width;
  const int64_t y = segment.y + run.y, x = segment.x + run.x;
  const int64_t last = width.size - run.taps - x;
  const int64_t begin = x >= 0 ? 0 : std::min(segment.count, DivideUp(-x, width.stride));
  const int64_t end = last < 0 ? 0 : std::min(segment.count, DivideDown(last, width.stride) + 1);
  return {begin, std::max(begin, end), segment.image + (y * width.size + x) * pixel_bytes_};
}

// Where a run begins for each pixel of a segment.
void PatchSource::Point(const Segment& segment, const Run& run, const uint8_t* padding,
                        uint8_t* copies, const void** rows_at) const {
  if (!IsRowInside(segment, run)) {
    std::fill_n(rows_at, segment.count, padding);
    return;
  }
  const Inside inside = FindInside(segment, run);
  const auto edge = [&](int64_t pixel) {
    rows_at[pixel] = padding;
    if (run.taps == 1) return;
    uint8_t* copy = copies + pixel * run_inputs_ * bytes_;
    rows_at[pixel] = copy;
    CopyRun(segment, pixel, run, 0, run_inputs_, copy);
  };
  const int64_t step = geometry_.width.stride * pixel_bytes_;
  for (int64_t pixel = 0; pixel < inside.begin; ++pixel) edge(pixel);
  for (int64_t pixel = inside.begin; pixel < inside.end; ++pixel) {
    rows_at[pixel] = inside.first + pixel * step;
  }
  for (int64_t pixel = inside.end; pixel < segment.count; ++pixel) edge(pixel);
}

bool PatchSource::PackByCopies(PackFunction pack, PackArgs args, const Segments& segments,
                               int64_t input_bytes) const {
  AlignedBuffer<uint8_t>& copies = Workspace::OfThisThread().copies;
  copies.Reserve(args.rows * kCopyStride);
  uint8_t* tile = static_cast<uint8_t*>(args.tile);
  const int64_t inputs = args.inputs, max = kCopiedBytes / bytes_;
  args.x = copies.data();
  args.stride = kCopyStride / bytes_;
  bool non_finite = false;
  for (int64_t begin = 0; begin < inputs; begin += max) {
    const int64_t end = std::min(inputs, begin + max);
    for (int64_t run = begin / run_inputs_; run * run_inputs_ < end; ++run) {
      const int64_t first = run * run_inputs_;
      const int64_t from = std::max(begin, first), to = std::min(end, first + run_inputs_);
      for (const Segment& segment : segments) {
        CopySegment(segment, RunAt(run), from - first, to - first,
                    copies.data() + segment.row * kCopyStride + (from - begin) * bytes_);
      }
    }
    args.inputs = end - begin;
    args.tile = tile + begin * input_bytes;
    non_finite |= pack(args);
  }
  return non_finite;
}

// Inputs [begin, end) of a run for all pixels of a segment. Runs are copied in their order, so that
// what a copy of a fixed size has too much is written again, or is behind the last input.
void PatchSource::CopySegment(const Segment& segment, const Run& run, int64_t begin, int64_t end,
                              uint8_t* to) const {
  Inside inside = {0, 0, nullptr};
  if (IsRowInside(segment, run)) inside = FindInside(segment, run);
  for (int64_t pixel = 0; pixel < inside.begin; ++pixel) {
    CopyRun(segment, pixel, run, begin, end, to + pixel * kCopyStride);
  }
  if (inside.begin < inside.end) {
    const int64_t step = geometry_.width.stride * pixel_bytes_, bytes = (end - begin) * bytes_;
    CopyRows(inside.first + inside.begin * step + begin * bytes_, step, x_end_,
             inside.end - inside.begin, bytes, to + inside.begin * kCopyStride);
  }
  for (int64_t pixel = inside.end; pixel < segment.count; ++pixel) {
    CopyRun(segment, pixel, run, begin, end, to + pixel * kCopyStride);
  }
}

// Inputs [begin, end) of a run for a pixel.
void PatchSource::CopyRun(const Segment& segment, int64_t pixel, const Run& run, int64_t begin,
                          int64_t end, uint8_t* to) const {
  const ConvAxis& width = geometry_.width;
  const int64_t y = segment.y + run.y, x = segment.x + run.x + pixel * width.stride;
  // Inputs [inside, outside) of the run are in the image.
  int64_t inside = end, outside = end;
  if (IsRowInside(segment, run)) {
    const int64_t channels = geometry_.group_channels();
    const int64_t taps = std::clamp<int64_t>(width.size - x, 0, run.taps);
    inside = std::clamp(std::min(-x, run.taps) * channels, begin, end);
    outside = std::clamp(taps * channels, inside, end);
  }
  std::memset(to, padding_, static_cast<size_t>((inside - begin) * bytes_));
  if (inside < outside) {
    const uint8_t* at = segment.image + (y * width.size + x) * pixel_bytes_ + inside * bytes_;
    std::memcpy(to + (inside - begin) * bytes_, at,
                static_cast<size_t>((outside - inside) * bytes_));
  }
  std::memset(to + (outside - begin) * bytes_, padding_,
              static_cast<size_t>((end - outside) * bytes_));
}

}  // namespace tfsparse
