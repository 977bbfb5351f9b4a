"""Serves models: SavedModels as functions of NumPy arrays, here and on many machines.

`BeamModelHandler`, `KServeModel`, `RayPredictor` and `spark_predict_fn` are imported when they are
asked for, since what they belong to need not be installed.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from tfsparse.serving.loading import load
from tfsparse.serving.served_model import ServedModel

if TYPE_CHECKING:
    from tfsparse.serving.beam import BeamModelHandler
    from tfsparse.serving.kserve import KServeModel
    from tfsparse.serving.ray import RayPredictor
    from tfsparse.serving.spark import spark_predict_fn

__all__ = [
    "BeamModelHandler",
    "KServeModel",
    "RayPredictor",
    "ServedModel",
    "load",
    "spark_predict_fn",
]

_LAZY = {
    "BeamModelHandler": "beam",
    "KServeModel": "kserve",
    "RayPredictor": "ray",
    "spark_predict_fn": "spark",
}


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"tfsparse.serving.{_LAZY[name]}"), name)
