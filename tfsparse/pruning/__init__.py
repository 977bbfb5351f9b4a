"""Training wing: block masks, schedules and wrappers for Keras layers."""

from tfsparse.pruning.binding import register_loaded
from tfsparse.pruning.callback import UpdatePruning
from tfsparse.pruning.prune import prune_block
from tfsparse.pruning.report import SparsityReport, sparsity_report
from tfsparse.pruning.schedules import ConstantSparsity, PolynomialDecay, PruningSchedule
from tfsparse.pruning.strip import strip_pruning

# `load_model` finds the wrapper only if it is registered with that Keras, which
# importing a binding does. Register with each Keras that is loaded by now
# (TensorFlow loads one itself); with another, the first call that gets one of its
# layers does, so a program that only loads should import Keras before tfsparse.
register_loaded()

__all__ = [
    "ConstantSparsity",
    "PolynomialDecay",
    "PruningSchedule",
    "SparsityReport",
    "UpdatePruning",
    "prune_block",
    "sparsity_report",
    "strip_pruning",
]
