"""tfsparse: block-pattern pruning for Keras, block-sparse CPU kernels for TensorFlow.

Importing it registers the ops, so that `tf.saved_model.load` can load what `export`
has written. In a checkout without a built op library there is nothing to register:
models can be pruned, and what needs the ops says that they are missing.
"""

from tfsparse import ops
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
    "ops",
    "parse_pattern",
    "prune_block",
    "sparsity_report",
    "strip_pruning",
]

if ops.library_path().exists():
    ops.load()
