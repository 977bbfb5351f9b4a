#ifndef TFSPARSE_CUSTOM_OPS_KERNELS_LAYOUT_H_
#define TFSPARSE_CUSTOM_OPS_KERNELS_LAYOUT_H_

#include "custom_ops/kernels/kernel_args.h"

namespace tfsparse {

// Not for files compiled for other instruction sets (see kernel_args.h).

// Whether uint8 x and int8 weights are stored in 16 bits.
inline bool IsWide(Layout layout) {
  return layout == Layout::kPairs || layout == Layout::kWidePlanes;
}

// Whether a group of inputs is any of them, rather than neighbours.
inline bool IsGathered(Layout layout) {
  return layout == Layout::kPlanes || layout == Layout::kWidePlanes;
}

// The layout's part of a kernel's name.
inline const char* LayoutName(Layout layout) {
  switch (layout) {
    case Layout::kQuads:
      return "quads";
    case Layout::kPairs:
      return "pairs";
    case Layout::kWidePlanes:
      return "wide";
    case Layout::kMergedQuads:
      return "merged";
    case Layout::kWindows:
      return "windows";
    case Layout::kPlanes:
      break;
  }
  return "planes";
}

}  // namespace tfsparse

#endif  // TFSPARSE_CUSTOM_OPS_KERNELS_LAYOUT_H_
