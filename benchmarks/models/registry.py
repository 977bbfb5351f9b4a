"""The models: every file of `zoo/` is one, and is called as the file is."""

from __future__ import annotations

import importlib
import pkgutil

from benchmarks.models import zoo
from benchmarks.models.bench_model import BenchModel


def names() -> list[str]:
    """All models, in the order of their names."""
    return sorted(module.name for module in pkgutil.iter_modules(zoo.__path__))


def find(name: str) -> BenchModel:
    """A model.

    Args:
        name: One of `names`, or a dotted module that has a `MODEL`.
    """
    path = name if "." in name else f"{zoo.__name__}.{name}"
    model = importlib.import_module(path).MODEL
    assert isinstance(model, BenchModel)
    return model
