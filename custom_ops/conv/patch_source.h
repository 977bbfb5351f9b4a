#ifndef TFSPARSE_CUSTOM_OPS_CONV_PATCH_SOURCE_H_
#define TFSPARSE_CUSTOM_OPS_CONV_PATCH_SOURCE_H_

// The patches of images as rows of x: im2col, done where a tile is packed.
//
// A row belongs to a pixel of y. Its inputs are what the kernel covers there: the kernel's rows,
// then its columns, then the channels. Pixels of several rows and images share a tile.
//
// How. Inputs that lie side by side in the image are a run: the channels of a tap, or those of a
// whole row of taps where nothing is between them. There are two ways to pack:
//
//   pointers  Run by run. Packing reads each row's run where it lies in the image. Taps in the
//             padding point to a row of padding; a row of taps that is partly outside is copied.
//   copies    Rows are copied side by side first, some inputs at a time. Where runs are short, so
//             that packing would work on registers that are half empty, or where they do not fill
//             the lanes that packing writes.
//
// Padding is bytes of one kind: 0 for floats, the zero point for uint8. A float 0 is quantized to
// the zero point too.
//
// Cost. One pointer for each row and run, or one copy of each input, beside packing.

#include <cstdint>

#include "custom_ops/conv/conv_geometry.h"
#include "custom_ops/engine/input_source.h"

namespace tfsparse {

class PatchSource final : public InputSource {
 public:
  // Of the channels of a group. `geometry` has been validated and outlives the source. x has
  // elements of `element_bytes`. Packing puts `in_lane` consecutive inputs into a lane at the most.
  PatchSource(const ConvGeometry& geometry, int64_t group, const void* x, int64_t element_bytes,
              uint8_t padding, int in_lane);

  bool Pack(PackFunction pack, const PackArgs& args, int64_t first,
            int64_t input_bytes) const override;
  void Copy(int64_t first, int64_t rows, void* matrix) const override;

 private:
  static constexpr int64_t kMaxRows = kLanes * kMaxVectors;

  // Pixels of y in one row of an image, and where the kernel lies for the first of them.
  struct Segment {
    int64_t row;    // of the first pixel, in the tile
    int64_t count;  // of pixels
    const uint8_t* image;
    int64_t y, x;
  };
  struct Segments {
    Segment segments[kMaxRows];
    int count = 0;

    const Segment* begin() const { return segments; }
    const Segment* end() const { return segments + count; }
  };
  // Taps side by side.
  struct Run {
    int64_t y, x;  // how far the first tap is from where the kernel lies
    int64_t taps;
  };
  // Pixels [begin, end) of a segment, which have all of a run in the image: at `first` for pixel 0.
  struct Inside {
    int64_t begin, end;
    const uint8_t* first;
  };

  Segments Cut(int64_t first, int64_t rows) const;
  Run RunAt(int64_t number) const;
  bool PackByPointers(PackFunction pack, PackArgs args, const Segments& segments,
                      int64_t input_bytes) const;
  bool PackByCopies(PackFunction pack, PackArgs args, const Segments& segments,
                    int64_t input_bytes) const;
  bool IsRowInside(const Segment& segment, const Run& run) const;
  Inside FindInside(const Segment& segment, const Run& run) const;
  void Point(const Segment& segment, const Run& run, const uint8_t* padding, uint8_t* copies,
             const void** rows_at) const;
  void CopySegment(const Segment& segment, const Run& run, int64_t begin, int64_t end,
                   uint8_t* to) const;
  void CopyRun(const Segment& segment, int64_t pixel, const Run& run, int64_t begin, int64_t end,
               uint8_t* to) const;

  const ConvGeometry& geometry_;
  const uint8_t* x_;
  const uint8_t* x_end_;
  int64_t bytes_;        // of an element
  int64_t pixel_bytes_;  // of an image
  uint8_t padding_;
  bool by_pointers_ = false;
  int64_t taps_ = 1;  // of a run
  int64_t run_inputs_;
  int64_t runs_;
};

}  // namespace tfsparse

#endif  // TFSPARSE_CUSTOM_OPS_CONV_PATCH_SOURCE_H_
