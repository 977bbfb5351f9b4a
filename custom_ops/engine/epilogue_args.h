#ifndef TFSPARSE_CUSTOM_OPS_ENGINE_EPILOGUE_ARGS_H_
#define TFSPARSE_CUSTOM_OPS_ENGINE_EPILOGUE_ARGS_H_

#include <cstdint>

#include "custom_ops/engine/epilogue_constants.h"
#include "custom_ops/engine/layer_call.h"
#include "custom_ops/kernels/kernel_args.h"

namespace tfsparse {

// What an epilogue is told of outputs [output, end) of a layer with `out` of them, but for where
// the accumulators, the rows and the residual are.
template <typename T>
EpilogueArgs MakeEpilogueArgs(const LayerCall& call, const EpilogueConstants<T>& constants,
                              int64_t output, int64_t end, int64_t out) {
  EpilogueArgs args = {};
  args.outputs = end - output;
  args.scale = constants.scale + output;
  args.bias = constants.bias + output;
  args.activation = call.epilogue.activation;
  args.fits_int32 = constants.fits_int32;
  args.table = constants.table;
  args.inv_y_scale = call.folds_y_scale() ? 1.0f : 1 / call.quantization.y_scale;
  args.y_zero_point = call.quantization.y_zero_point;
  args.y_stride = call.y.step(out);
  return args;
}

// Adds the residual, which begins at the first row and output of `args`; null for none.
inline void SetResidual(const LayerCall& call, const void* residual, EpilogueArgs* args) {
  if (residual == nullptr) return;
  args->residual = residual;
  args->residual_stride = args->y_stride;
  args->residual_is_u8 = call.epilogue.residual.is_u8;
  args->residual_scale = call.scale_of_residual();
  args->residual_zero_point = call.offset_of_residual();
}

}  // namespace tfsparse

#endif  // TFSPARSE_CUSTOM_OPS_ENGINE_EPILOGUE_ARGS_H_
