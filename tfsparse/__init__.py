"""tfsparse: block-pattern pruning for Keras, block-sparse CPU kernels for TensorFlow."""

from tfsparse.conversion import ConversionReport, ConvertedModel, convert, export
from tfsparse.pattern import BlockPattern, NMPattern, parse_pattern
from tfsparse.pruning import (
    ConstantSparsity,
    PolynomialDecay,
    PruningSchedule,
    UpdatePruning,
    prune_block,
    sparsity_report,
    strip_pruning,
)

__all__ = [
    "BlockPattern",
    "ConstantSparsity",
    "ConversionReport",
    "ConvertedModel",
    "NMPattern",
    "PolynomialDecay",
    "PruningSchedule",
    "UpdatePruning",
    "convert",
    "export",
    "parse_pattern",
    "prune_block",
    "sparsity_report",
    "strip_pruning",
]
