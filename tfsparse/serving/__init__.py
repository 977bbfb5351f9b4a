"""Serves models: SavedModels as functions of NumPy arrays, with little overhead."""

from tfsparse.serving.loading import load
from tfsparse.serving.served_model import ServedModel

__all__ = ["ServedModel", "load"]
