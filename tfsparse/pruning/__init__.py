"""Trains sparse models: masks, schedules and wrappers for Keras layers."""

from tfsparse.pruning.after_target import AfterTarget
from tfsparse.pruning.binding import register_loaded
from tfsparse.pruning.callback import UpdatePruning
from tfsparse.pruning.constant_schedules import ConstantSparsity, OneShot, PatternLock
from tfsparse.pruning.criterion import register_criterion
from tfsparse.pruning.group_lasso import GroupLasso
from tfsparse.pruning.one_shot.prune_one_shot import prune_one_shot
from tfsparse.pruning.predicted_time import Speedup
from tfsparse.pruning.prune import prune_block
from tfsparse.pruning.ramps import CosineDecay, ExponentialDecay, LinearDecay, PolynomialDecay
from tfsparse.pruning.recalibrate import recalibrate
from tfsparse.pruning.registering import register_prunable
from tfsparse.pruning.report import SparsityReport, sparsity_report
from tfsparse.pruning.schedules import PruningSchedule
from tfsparse.pruning.scope import Scope
from tfsparse.pruning.sensitivity import sensitivity
from tfsparse.pruning.sensitivity_report import SensitivityReport
from tfsparse.pruning.strip import strip_pruning
from tfsparse.pruning.summaries import PruningSummaries
from tfsparse.pruning.weights_file import load_weights

# `load_model` finds the wrapper only if it is registered with that Keras, which
# importing a binding does. Register with each Keras that is loaded by now
# (TensorFlow loads one itself); with another, the first call that gets one of its
# layers does, so a program that only loads should import Keras before tfsparse.
register_loaded()

__all__ = [
    "AfterTarget",
    "ConstantSparsity",
    "CosineDecay",
    "ExponentialDecay",
    "GroupLasso",
    "LinearDecay",
    "OneShot",
    "PatternLock",
    "PolynomialDecay",
    "PruningSchedule",
    "PruningSummaries",
    "Scope",
    "SensitivityReport",
    "SparsityReport",
    "Speedup",
    "UpdatePruning",
    "load_weights",
    "prune_block",
    "prune_one_shot",
    "recalibrate",
    "register_criterion",
    "register_prunable",
    "sensitivity",
    "sparsity_report",
    "strip_pruning",
]
