"""All public names, which `import tfsparse` gives; and what has to happen once they are there."""

from tfsparse import ops
from tfsparse.conversion import ConversionReport, ConvertedModel, convert, export
from tfsparse.conversion.predicted_times import predict_layers
from tfsparse.conversion.source import inspect_models_with
from tfsparse.ops.library import is_installed
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
    Speedup,
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
from tfsparse.pruning.predicted_time import predict_with
from tfsparse.pruning.schedule_check import check_schedules
from tfsparse.serving import ServedModel, load

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
    "ServedModel",
    "SparsityReport",
    "Speedup",
    "UpdatePruning",
    "convert",
    "export",
    "load",
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

# Training and conversion meet here: the one warns of what the other is about to export, and the other
# tells the one how long a model takes then.
inspect_models_with(check_schedules)
predict_with(predict_layers)

if is_installed():
    ops.load()
