#ifndef TFSPARSE_CUSTOM_OPS_TF_OPS_SHARED_ATTRIBUTES_H_
#define TFSPARSE_CUSTOM_OPS_TF_OPS_SHARED_ATTRIBUTES_H_

namespace tfsparse {

// Attributes that several ops have, as REGISTER_OP takes them.

#define TFSPARSE_ACTIVATIONS \
  "{'linear', 'relu', 'relu6', 'gelu', 'gelu_tanh', 'sigmoid', 'tanh', 'silu'}"
inline constexpr char kActivation[] = "activation: " TFSPARSE_ACTIVATIONS " = 'linear'";
inline constexpr char kActivations[] = "activations: list(" TFSPARSE_ACTIVATIONS ")";
#undef TFSPARSE_ACTIVATIONS

// Of a window over images, as WindowAttributes reads them.
inline constexpr char kStrides[] = "strides: list(int) = [1, 1]";
inline constexpr char kPaddings[] = "paddings: list(int) = [0, 0, 0, 0]";
inline constexpr char kPadding[] = "padding: {'EXPLICIT', 'SAME'} = 'EXPLICIT'";

}  // namespace tfsparse

#endif  // TFSPARSE_CUSTOM_OPS_TF_OPS_SHARED_ATTRIBUTES_H_
