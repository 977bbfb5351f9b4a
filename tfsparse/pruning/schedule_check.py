"""Warns of layers that leave the training before their schedules have ended."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterable
from typing import Any

from tfsparse.pruning.binding import pruned_layers


def check_schedules(*layers: Any) -> None:
    """Looks at all wrapped layers in some layers or models.

    Args:
        *layers: Layers and models; what is neither has no wrapped layers.

    Warns:
        UserWarning: Once, with the names of the layers whose schedule never ran and
            of those whose schedule has not ended.
    """
    found = (w for one in layers if hasattr(one, "_flatten_layers") for w in pruned_layers(one))
    wrappers = list({id(wrapper): wrapper for wrapper in found}.values())
    problems = [*_idle(wrappers), *_short(wrappers)]
    if problems:
        warnings.warn(" ".join(problems), stacklevel=_caller())


def _idle(wrappers: Iterable[Any]) -> list[str]:
    names = [w.name for w in wrappers if not _has_run(w)]
    if not names:
        return []
    return [
        f"The schedule never ran for {names}, so these layers are not sparse. "
        "Was `tfsparse.UpdatePruning()` passed to `fit`?"
    ]


def _short(wrappers: Iterable[Any]) -> list[str]:
    names = [w.name for w in wrappers if _has_run(w) and not w.pruning.reached_target]
    if not names:
        return []
    return [
        f"The schedule has not ended for {names}, so these layers are less sparse than they "
        "were meant to be. Train on first; `tfsparse.sparsity_report` says by how much they "
        "fall short."
    ]


def _has_run(wrapper: Any) -> bool:
    return wrapper.pruning is not None and wrapper.pruning.has_run


def _caller() -> int:
    """The `stacklevel` at which a warning of `check_schedules` points at the user's code."""
    level, frame = 1, sys._getframe(1)
    while frame.f_back is not None and frame.f_globals["__name__"].startswith("tfsparse."):
        level, frame = level + 1, frame.f_back
    return level
