"""Scope: whether kernels are pruned one by one or in one ranking, and the step of that.

`advance` moves all layers of a model along their schedules. A kernel of local
scope is given the sparsity of its schedule. Kernels of global scope that have
the same schedule, the same bounds and the same position in the schedule share a
target and are ranked together (see `global_ranking.py`); where an update is due
for one of them it is made for all, so that a layer which joins later is ranked
with those that were there before.

At a sparsity of 0 nothing is ranked: criteria that follow gradients have nothing
to say before the first step, which is where many schedules make such an update.
"""

from __future__ import annotations

import dataclasses
import numbers
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from tfsparse.pruning.global_ranking import select_globally
from tfsparse.pruning.schedules import PruningSchedule, check_sparsity

if TYPE_CHECKING:
    from tfsparse.pruning.pruned_kernel import PrunedKernel
    from tfsparse.pruning.pruning_state import PruningState

_RANKINGS = ("local", "global")


@dataclasses.dataclass(frozen=True)
class Scope:
    """What a schedule's sparsity is the sparsity of.

    Args:
        ranking: ``"local"``: of each kernel by itself. ``"global"``: of all
            kernels with the same schedule together; those with more important
            blocks keep more.
        min_sparsity: Share of its elements that each kernel loses at least, in
            a global ranking. As long as a schedule asks for less, every kernel
            has the sparsity of the schedule.
        max_sparsity: Share of its elements that each kernel loses at most, in a
            global ranking. By default every kernel keeps at least a tenth of
            what kernels keep on average: at 90% that is 99%.

    Raises:
        ValueError: If the ranking is unknown, if the bounds are not in order,
            or if a local ranking has bounds.

    Example:

    >>> Scope("global", min_sparsity=0.5).bounds(0.9)
    (0.5, 0.99)
    """

    ranking: str = "local"
    min_sparsity: float = 0.0
    max_sparsity: float | None = None

    def __post_init__(self) -> None:
        if self.ranking not in _RANKINGS:
            raise ValueError(
                f"`scope` should be one of {_RANKINGS}. Received: scope={self.ranking!r}"
            )
        if not self.is_global and (self.min_sparsity or self.max_sparsity is not None):
            raise ValueError(
                "`min_sparsity` and `max_sparsity` should be given for a global ranking only. "
                f"Received: scope={self}"
            )
        high = 1.0 if self.max_sparsity is None else self.max_sparsity
        bounds = (self.min_sparsity, high)
        real = all(isinstance(b, numbers.Real) and not isinstance(b, bool) for b in bounds)
        if not real or not 0.0 <= self.min_sparsity <= high <= 1.0:
            raise ValueError(
                "`min_sparsity` and `max_sparsity` should be numbers with "
                f"0 <= min_sparsity <= max_sparsity <= 1. Received: scope={self}"
            )

    @property
    def is_global(self) -> bool:
        """Whether kernels are ranked together."""
        return self.ranking == "global"

    def bounds(self, sparsity: float) -> tuple[float, float]:
        """The least and the greatest sparsity of a kernel when all together have `sparsity`."""
        high = 1.0 - (1.0 - sparsity) / 10.0 if self.max_sparsity is None else self.max_sparsity
        return min(self.min_sparsity, sparsity), round(high, 12)

    def check_target(self, target: float) -> None:
        """Checks that a schedule can end where it wants to.

        Args:
            target: Sparsity that the schedule ends with.

        Raises:
            ValueError: If no kernel may become so sparse.
        """
        if self.is_global and target > self.bounds(target)[1]:
            raise ValueError(
                "`max_sparsity` of a scope should not be below the target of the schedule. "
                f"Received: max_sparsity={self.max_sparsity}, target={target}"
            )

    def get_config(self) -> dict[str, Any]:
        """Arguments that make an equal scope, as plain JSON data."""
        return dataclasses.asdict(self)


def as_scope(scope: Any) -> Scope:
    """Reads a `scope` argument: ``"local"``, ``"global"``, a `Scope` or its configuration.

    Raises:
        ValueError: If it is none of these.
    """
    if isinstance(scope, Scope):
        return scope
    return Scope(**scope) if isinstance(scope, dict) else Scope(scope)


def advance(states: Sequence[PruningState], iterations: int) -> None:
    """Makes the updates that are due up to an iteration of the optimizer.

    Args:
        states: States of all layers of a model.
        iterations: Steps that the optimizer has made.
    """
    _advance_to([(state, state.clock.step(iterations)) for state in states])


def finish(states: Sequence[PruningState]) -> None:
    """Makes the last update of schedules that end with the training.

    Steps that a loss scale skipped are not counted by the optimizer, so its count
    may stop short of the planned end.

    Args:
        states: States of all layers of a model.
    """
    short = [state for state in states if state.has_fractions and not state.reached_target]
    _advance_to([(state, state.clock.end) for state in short])


def _advance_to(steps: Sequence[tuple[PruningState, int]]) -> None:
    """Moves each state to a step."""
    together: dict[Any, list[tuple[PruningState, PrunedKernel, int | None]]] = {}
    moved = {}
    for state, step in steps:
        for kernel, schedule in state.schedules():
            due = schedule.last_due(state.clock.next_step, step)
            scope = kernel.settings.scope
            if scope.is_global:
                key = (scope, schedule, state.clock.offset)
                together.setdefault(key, []).append((state, kernel, due))
            elif due is not None:
                _update([kernel], schedule, due)
                moved[id(state)] = state
    for (_, schedule, _), members in together.items():
        newest = max((due for _, _, due in members if due is not None), default=None)
        if newest is not None:
            _update([kernel for _, kernel, _ in members], schedule, newest)
            moved.update({id(state): state for state, _, _ in members})
    for state, step in steps:
        if id(state) in moved:
            state.passed(step)


def _update(kernels: Sequence[PrunedKernel], schedule: PruningSchedule, step: int) -> None:
    """Updates the masks of kernels that share a target; of one, if they do not."""
    sparsity = check_sparsity("schedule.sparsity(step)", schedule.sparsity(step))
    scope = kernels[0].settings.scope
    if schedule.locks:
        for kernel in kernels:
            kernel.lock_zeros()
    elif sparsity == 0.0:
        for kernel in kernels:
            kernel.assign(np.ones_like(kernel.kept()))
    elif scope.is_global:
        rankings = [kernel.ranking() for kernel in kernels]
        for kernel, kept in zip(
            kernels, select_globally(rankings, sparsity, *scope.bounds(sparsity)), strict=True
        ):
            kernel.assign(kept)
    else:
        kernels[0].update(sparsity)
    for kernel in kernels:
        if kernel.gradient_score is not None:
            kernel.gradient_score.updated()
