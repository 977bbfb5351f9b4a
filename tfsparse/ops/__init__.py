"""Runs models: block-sparse matrices, the ops that multiply by them, and ops between products."""

from tfsparse.ops.attention import AttentionConfig, attention, quantized_attention
from tfsparse.ops.block_sparse_conv2d import block_sparse_conv2d, quantized_block_sparse_conv2d
from tfsparse.ops.block_sparse_matmul import block_sparse_matmul, quantized_block_sparse_matmul
from tfsparse.ops.block_sparse_matrix import BlockSparseMatrix
from tfsparse.ops.library import library_path, load
from tfsparse.ops.lookup_interaction import Lookup, lookup_interaction
from tfsparse.ops.normalization import Normalized, normalize
from tfsparse.ops.pooling import average_pool2d, max_pool2d

__all__ = [
    "AttentionConfig",
    "BlockSparseMatrix",
    "Lookup",
    "Normalized",
    "attention",
    "average_pool2d",
    "block_sparse_conv2d",
    "block_sparse_matmul",
    "library_path",
    "load",
    "lookup_interaction",
    "max_pool2d",
    "normalize",
    "quantized_attention",
    "quantized_block_sparse_conv2d",
    "quantized_block_sparse_matmul",
]
