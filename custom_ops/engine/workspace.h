#ifndef TFSPARSE_CUSTOM_OPS_ENGINE_WORKSPACE_H_
#define TFSPARSE_CUSTOM_OPS_ENGINE_WORKSPACE_H_

#include <cstdint>

#include "custom_ops/base/aligned_buffer.h"
#include "custom_ops/engine/layer_call.h"
#include "custom_ops/kernels/activation_table.h"

namespace tfsparse {

// All buffers of a thread, kept between calls so that a call allocates nothing.
//
// A thread runs one call at a time: ParallelFor works on its own items and then waits, it takes up
// no work of others. So each buffer has one user at a time, which is named here.
struct Workspace {
  // What the accumulators of a layer begin with, and what is made of them (epilogue_constants.h).
  // The thread that begins a call fills them, and the others read them.
  struct Constants {
    AlignedBuffer<int32_t> acc_init;  // or as many floats
    AlignedBuffer<float> scale, bias;
    ActivationTable table;
  };

  AlignedBuffer<int32_t> accumulators;       // of an N block
  AlignedBuffer<uint8_t> tiles[2];           // packed x of a layer, and of the next one in a chain
  AlignedBuffer<uint8_t> rows[2];            // activations by rows between two layers of a chain
  AlignedBuffer<uint8_t> gemv_rows;          // x as the kernels for small M read it
  AlignedBuffer<uint8_t> images;             // float images, quantized
  AlignedBuffer<uint8_t> padding;            // a row of an image that is not there
  AlignedBuffer<uint8_t> copies;             // parts of patches, side by side
  AlignedBuffer<uint8_t> patches;            // whole ones, for the kernels for small M
  AlignedBuffer<int8_t> depthwise_weights;   // packed, by the thread that begins a call
  AlignedBuffer<const uint8_t*> image_rows;  // where rows of images begin
  Constants constants[kMaxLayers];

  static Workspace& OfThisThread() {
    thread_local Workspace workspace;
    return workspace;
  }
};

}  // namespace tfsparse

#endif  // TFSPARSE_CUSTOM_OPS_ENGINE_WORKSPACE_H_
