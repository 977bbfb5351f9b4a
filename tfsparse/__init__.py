"""tfsparse: block-pattern pruning for Keras, block-sparse CPU kernels for TensorFlow.

Importing it registers the ops, so that `tf.saved_model.load` can load what `export`
has written. In a checkout without a built op library there is nothing to register:
models can be pruned, and what needs the ops says that they are missing.
"""

from tfsparse import ops
from tfsparse.conversion import ConversionReport, ConvertedModel, convert, export
from tfsparse.conversion.source import inspect_models_with
from tfsparse.pattern import BlockPattern, ChannelPattern, NMPattern, parse_pattern
from tfsparse.pruning import (
    AfterTarget,
    ConstantSparsity,
    CosineDecay,
    ExponentialDecay,
    GroupLasso,
    LinearDecay,
    OneShot,
    PatternLock,
    PolynomialDecay,
    PruningSchedule,
    PruningSummaries,
    Scope,
    SensitivityReport,
    SparsityReport,
    UpdatePruning,
    load_weights,
    prune_block,
    prune_one_shot,
    recalibrate,
    register_criterion,
    register_prunable,
    sensitivity,
    sparsity_report,
    strip_pruning,
)
from tfsparse.pruning.schedule_check import check_schedules

__all__ = [
    "AfterTarget",
    "BlockPattern",
    "ChannelPattern",
    "ConstantSparsity",
    "ConversionReport",
    "ConvertedModel",
    "CosineDecay",
    "ExponentialDecay",
    "GroupLasso",
    "LinearDecay",
    "NMPattern",
    "OneShot",
    "PatternLock",
    "PolynomialDecay",
    "PruningSchedule",
    "PruningSummaries",
    "Scope",
    "SensitivityReport",
    "SparsityReport",
    "UpdatePruning",
    "convert",
    "export",
    "load_weights",
    "ops",
    "parse_pattern",
    "prune_block",
    "prune_one_shot",
    "recalibrate",
    "register_criterion",
    "register_prunable",
    "sensitivity",
    "sparsity_report",
    "strip_pruning",
]

# Training and conversion meet here: the one warns of what the other is about to export.
inspect_models_with(check_schedules)

if ops.library_path().exists():
    ops.load()
