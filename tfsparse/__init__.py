"""tfsparse: block-pattern pruning for Keras, block-sparse CPU kernels for TensorFlow."""

from tfsparse.pattern import BlockPattern, NMPattern, parse_pattern

__all__ = [
    "BlockPattern",
    "NMPattern",
    "parse_pattern",
]
