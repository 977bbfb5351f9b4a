"""Moves all layers of a model along their schedules, and updates the masks that are due.

A kernel of local scope is given the sparsity of its schedule. Kernels of global scope that have
the same schedule, the same bounds and the same position in the schedule share a target and are
ranked together (see `global_ranking.py`). Where an update is due for one of them it is made for
all, so that a layer which joins later is ranked with those that were there before.

At a sparsity of 0 nothing is ranked: criteria that follow gradients have nothing to say before the
first step, which is where many schedules make such an update.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tfsparse.pruning.global_ranking import select_globally
from tfsparse.pruning.pruned_kernel import PrunedKernel
from tfsparse.pruning.pruning_state import PruningState
from tfsparse.pruning.schedules import PruningSchedule, check_sparsity


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
