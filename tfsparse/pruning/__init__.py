"""Training wing: block masks, schedules and wrappers for Keras layers."""

import importlib
import sys

from tfsparse.pruning.callback import UpdatePruning
from tfsparse.pruning.prune import prune_block
from tfsparse.pruning.report import SparsityReport, sparsity_report
from tfsparse.pruning.schedules import ConstantSparsity, PolynomialDecay, PruningSchedule
from tfsparse.pruning.strip import strip_pruning

# `keras.models.load_model` finds the wrapper only if it is registered. Where
# TensorFlow has loaded Keras 3, register it now; otherwise the first call with a
# Keras object does. (tf_keras imports the module that a saved model names.)
if "keras" in sys.modules:
    importlib.import_module("tfsparse.pruning.keras3")

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
