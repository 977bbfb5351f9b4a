// All ops in one unit. To read TensorFlow's headers takes a compiler six seconds, and what an op
// adds to them half a second, so that a unit for each file was nearly all headers, in each of the
// three configurations that the tests build. A file stands by itself nevertheless: it includes what
// it uses, and names that another file may have are unlike it.

#include "custom_ops/tf_ops/activation_range_op.cc"
#include "custom_ops/tf_ops/attention_attributes.cc"
#include "custom_ops/tf_ops/attention_op.cc"
#include "custom_ops/tf_ops/block_sparse_conv_kernels.cc"
#include "custom_ops/tf_ops/block_sparse_conv_op.cc"
#include "custom_ops/tf_ops/block_sparse_matmul_kernels.cc"
#include "custom_ops/tf_ops/block_sparse_matmul_op.cc"
#include "custom_ops/tf_ops/channel_ops.cc"
#include "custom_ops/tf_ops/conv_attributes.cc"
#include "custom_ops/tf_ops/conv_shape.cc"
#include "custom_ops/tf_ops/depthwise_op.cc"
#include "custom_ops/tf_ops/gate_channels_op.cc"
#include "custom_ops/tf_ops/input_ranks.cc"
#include "custom_ops/tf_ops/lookup_interaction_op.cc"
#include "custom_ops/tf_ops/matmul_shape.cc"
#include "custom_ops/tf_ops/normalization_op.cc"
#include "custom_ops/tf_ops/op_inputs.cc"
#include "custom_ops/tf_ops/output_buffers.cc"
#include "custom_ops/tf_ops/pooling_op.cc"
#include "custom_ops/tf_ops/window_attributes.cc"
