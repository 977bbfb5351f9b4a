"""Sparsities of kernels under a predicted time, by the errors that were measured.

As in `allocation`, each kernel has a curve: the error of its outputs, as a share of what it puts out,
at each sparsity. Here sparsity costs what it costs and brings what the cost model says it brings, which
is little in a layer that few rows go through and much in another. What adds up to the
least error in the time is chosen among `LEVELS` (`time_budget`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tfsparse.pattern import NMPattern
from tfsparse.progress import progress
from tfsparse.pruning.constant_schedules import OneShot
from tfsparse.pruning.layer_tree import children
from tfsparse.pruning.one_shot.layer_problems import LayerProblems
from tfsparse.pruning.predicted_time import PredictedTimes, Speedup
from tfsparse.pruning.selection import Ranking
from tfsparse.pruning.time_budget import least_error
from tfsparse.pruning.wrapper import PruneBlockMixin

MAX_SPARSITY = 0.98
"""No kernel becomes sparser: what is left of it would compute next to nothing."""

LEVELS = tuple(float(level) for level in np.linspace(0.0, MAX_SPARSITY, 50).round(6))
"""Sparsities that are tried, but for a pattern K:N, which has one."""


def sparsities_under_time(
    measured: Sequence[tuple[str, Any, Ranking, float]], times: PredictedTimes, use: Speedup
) -> dict[str, float]:
    """Divides sparsity among kernels.

    Args:
        measured: For each kernel its path, its pattern, the losses of its blocks and
            what they are to be compared with.
        times: Times of the kernels of the model.
        use: What is to be reached.

    Returns:
        The sparsity of each kernel, by its path; 0 for those that stay dense.

    Raises:
        ValueError: If it cannot be reached, or is reached without zeros.
    """
    levels = [_levels(pattern) for _, pattern, _, _ in measured]
    errors = [
        error_at(ranking, energy, level)
        for (_, _, ranking, energy), level in zip(measured, levels, strict=True)
    ]
    choices = [
        [times.of(path, pattern, level) for level in tried]
        for (path, pattern, _, _), tried in zip(measured, levels, strict=True)
    ]
    others = times.converted - sum(times.of(path, None) for path, *_ in measured)
    check_reach(times, others + sum(map(min, choices)), use)
    chosen = least_error(errors, choices, times.total / use.factor - others)
    return {
        path: tried[choice]
        for (path, *_), tried, choice in zip(measured, levels, chosen, strict=True)
    }


def check_reach(times: PredictedTimes, fastest: float, use: Speedup) -> None:
    """Says what is possible where a speed-up is not."""
    least, most = times.total / times.converted, times.total / fastest
    if not least < use.factor <= most:
        raise ValueError(
            f"`speedup` should be more than {least:.3g}, what conversion brings without zeros, and at "
            f"most {most:.3g}, what the patterns can bring. Received: {use}"
        )


def error_at(ranking: Ranking, energy: float, levels: Sequence[float]) -> list[float]:
    """Error of a kernel's outputs at some sparsities, as a share of what it puts out."""
    open_ = ranking.candidates & np.isfinite(ranking.scores)
    scores, sizes = ranking.scores[open_], ranking.sizes[open_]
    order = np.argsort(scores, kind="stable")
    gone = np.concatenate([[0.0], np.cumsum(sizes[order]) / ranking.sizes.sum()])
    lost = np.concatenate([[0.0], np.cumsum(scores[order])])
    return list(np.interp(levels, gone, lost) / max(energy, np.finfo(float).tiny))


def rules_under_time(
    model: Any,
    problems: LayerProblems,
    times: PredictedTimes,
    use: Speedup,
    rules: Mapping[Any, Any] | None,
    verbose: bool | None,
) -> dict[Any, Any]:
    """Overrides by which each kernel gets its sparsity.

    Args:
        model: A model in wrappers that have pruned nothing yet.
        problems: Its kernels.
        times: Times of the kernels of the model.
        use: What is to be reached.
        rules: Overrides of the user.
        verbose: As in `tfsparse.prune_one_shot`.

    Raises:
        ValueError: As `sparsities_under_time`, or for kernels whose inputs are not known.
    """
    if problems.unknown:
        raise ValueError(
            "`exclude` should name the kernels whose error is not known where `speedup` is given. "
            f"Received: {[kernel.path for kernel in problems.unknown]} not among them"
        )
    paths = _paths(model)
    measured = []
    for kernel, problem in progress(problems, len(problems), "Measuring", verbose):
        found = problem(MAX_SPARSITY)
        measured.append((paths[id(kernel)], kernel.pattern, found.ranking, found.energy))
    sparsities = sparsities_under_time(measured, times, use)
    patterns = {path: pattern for path, pattern, *_ in measured}
    own = {
        path: {"pattern": patterns[path], "schedule": OneShot(share)} if share else None
        # A path names what is deeper as well, and what comes later wins.
        for path, share in sorted(sparsities.items(), key=lambda one: one[0].count("/"))
    }
    return {**{rule: one for rule, one in (rules or {}).items() if rule not in own}, **own}


def _paths(model: Any) -> dict[int, str]:
    """By the id of each kernel in wrappers the path of its layer in the model."""
    paths = {}

    def visit(layer: Any, path: str) -> None:
        for child in children(layer):
            inner = f"{path}/{child.name}" if path else child.name
            if not isinstance(child, PruneBlockMixin):
                visit(child, inner)
            elif child.pruning is not None:
                for kernel in child.pruning.kernels:
                    own = kernel.owner is child.layer
                    paths[id(kernel)] = inner if own else f"{inner}/{kernel.path}"

    visit(model, "")
    return paths


def _levels(pattern: Any) -> tuple[float, ...]:
    return (0.0, pattern.sparsity) if isinstance(pattern, NMPattern) else LEVELS
