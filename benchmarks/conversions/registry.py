"""The models: every file of `zoo/` has some, in its `MODELS`."""

from __future__ import annotations

import importlib
import pkgutil

from benchmarks.conversions import zoo
from benchmarks.conversions.conversion_model import ConversionModel

FIRST = ("backbones", "both_keras")


def models() -> dict[str, ConversionModel]:
    """All models by their names: KerasHub's, Keras's, then the others by file."""
    files = [module.name for module in pkgutil.iter_modules(zoo.__path__)]
    files.sort(key=lambda name: (FIRST.index(name) if name in FIRST else len(FIRST), name))
    found: dict[str, ConversionModel] = {}
    for name in files:
        for model in importlib.import_module(f"{zoo.__name__}.{name}").MODELS:
            found[model.name] = model
    return found


def find(name: str) -> ConversionModel:
    """A model.

    Args:
        name: One of `models`, or ``"module:name"`` of a dotted module that has `MODELS`.
    """
    module, _, inner = name.partition(":")
    if not inner:
        return models()[name]
    by_name: dict[str, ConversionModel] = {
        model.name: model for model in importlib.import_module(module).MODELS
    }
    return by_name[inner]
