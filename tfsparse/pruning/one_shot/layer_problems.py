"""The kernels of a model in the order in which they are pruned, and what goes into each.

A stage is a set of layers that are called with the same tensor: the projections of attention,
the branches of a residual block. One pass over the data serves it, and layers that read the
tensor in the same way share its moments.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Hashable, Iterator, Sequence
from typing import Any

import numpy as np

from tfsparse.progress import progress
from tfsparse.pruning.forward_passes import ForwardPasses, first_input
from tfsparse.pruning.one_shot.allocation import allocate
from tfsparse.pruning.one_shot.gram import Gram
from tfsparse.pruning.one_shot.kernel_problem import KernelProblem, bias_of
from tfsparse.pruning.one_shot.layer_inputs import Reader, reader_of

HEADROOM = 0.5
"""How much more of a row of blocks is ranked than goes on average, as a share of what goes or
of what is left, whichever is less: rows of a matrix differ."""


class LayerProblems:
    """The kernels of a model as problems to solve one after another.

    Args:
        passes: Runs the model.
        kernels: The `PrunedKernel`s in it.
        damping: As in `tfsparse.prune_one_shot`.

    Attributes:
        unknown: Kernels of whose inputs nothing is known.
        known: The others, in the order in which the model runs them.
    """

    def __init__(self, passes: ForwardPasses, kernels: Sequence[Any], damping: float) -> None:
        self._passes = passes
        self._damping = damping
        readers = {id(kernel): reader_of(kernel) for kernel in kernels}
        by_owner = {id(k.owner): k for k in kernels if readers[id(k)] is not None}
        stages = passes.survey([kernel.owner for kernel in by_owner.values()])
        self._stages = [[by_owner[id(layer)] for layer in stage] for stage in stages]
        self._readers: dict[int, Reader] = {
            id(key): reader for key in kernels if (reader := readers[id(key)]) is not None
        }
        self.known = [kernel for stage in self._stages for kernel in stage]
        found = {id(kernel) for kernel in self.known}
        self.unknown = [kernel for kernel in kernels if id(kernel) not in found]

    def __iter__(self) -> Iterator[tuple[Any, Callable[[float], KernelProblem]]]:
        """Each kernel, and what makes its problem for a share of elements that may go.

        What is done to a kernel shows in the inputs of those that come later.
        """
        for kernel in self.unknown:
            yield kernel, functools.partial(KernelProblem, kernel, ())
        for stage in self._stages:
            grams = self._read(stage)
            for kernel in stage:
                yield kernel, functools.partial(self._problem, kernel, grams[self._key(kernel)])

    def __len__(self) -> int:
        return len(self.unknown) + len(self.known)

    def _key(self, kernel: Any) -> Hashable:
        """What kernels of one stage share that have the same inputs."""
        again = self._passes.calls(kernel.owner) > 1  # with other tensors
        return self._readers[id(kernel)], id(kernel.owner) if again else None

    def _read(self, stage: Sequence[Any]) -> dict[Hashable, Gram]:
        """Second moments of what the layers of a stage are called with."""
        grams: dict[Hashable, Gram] = {}
        fed: dict[int, tuple[Gram, Reader]] = {}  # by the layer that feeds a sum
        for kernel in stage:
            if (key := self._key(kernel)) not in grams:
                grams[key] = Gram(kernel.view.groups, kernel.view.matrix_shape[1])
                fed[id(kernel.owner)] = grams[key], self._readers[id(kernel)]

        def see(layer: Any, args: Any, kwargs: Any) -> None:
            if id(layer) in fed:
                gram, reader = fed[id(layer)]
                gram.add(reader(first_input(args, kwargs)))

        self._passes.run([kernel.owner for kernel in stage], see)
        for kernel in stage:
            if not grams[self._key(kernel)].is_finite:
                raise ValueError(
                    "`data` should lead to finite inputs of every layer. "
                    f"Received: data that give layer {kernel.path!r} NaN or infinity"
                )
        return grams

    def _problem(self, kernel: Any, gram: Gram, reach: float) -> KernelProblem:
        centered = bias_of(kernel) is not None
        groups = range(kernel.view.groups)
        try:
            moments = [gram.moments(group, self._damping, centered) for group in groups]
            return KernelProblem(kernel, moments, reach)
        except np.linalg.LinAlgError as error:
            raise ValueError(
                "`damping` should be larger for data in which inputs agree so closely. "
                f"Received: damping={self._damping} at layer {kernel.path!r} ({error})"
            ) from error


def prune_in_order(problems: LayerProblems, verbose: bool | None) -> None:
    """Prunes the kernels of a model one after another.

    Args:
        problems: The kernels.
        verbose: As in `tfsparse.prune_one_shot`.
    """
    targets = _targets(problems, verbose)
    for kernel, problem in progress(problems, len(problems), "Pruning", verbose):
        target = targets[id(kernel)]
        problem(_reach(target)).prune(target)


def _reach(target: float) -> float:
    return target + HEADROOM * min(target, 1.0 - target)


def _targets(problems: LayerProblems, verbose: bool | None) -> dict[int, float]:
    """The sparsity of each kernel, by its id."""
    kernels = [*problems.unknown, *problems.known]
    targets = {id(kernel): kernel.settings.schedule.target for kernel in kernels}
    if not any(kernel.settings.scope.is_global for kernel in kernels):
        return targets
    measured: dict[int, tuple[Any, float]] = {}
    for kernel, problem in progress(problems, len(problems), "Measuring", verbose):
        if kernel.settings.scope.is_global:
            found = problem(kernel.settings.scope.bounds(targets[id(kernel)])[1])
            measured[id(kernel)] = found.ranking, found.energy
    together: dict[Any, list[Any]] = {}
    for kernel in kernels:
        if kernel.settings.scope.is_global:
            key = kernel.settings.scope, targets[id(kernel)]
            together.setdefault(key, []).append(kernel)
    for (scope, target), members in together.items():
        rankings, energies = zip(*(measured[id(kernel)] for kernel in members), strict=True)
        shares = allocate(rankings, energies, target, scope.bounds(target))
        targets |= {id(k): share for k, share in zip(members, shares, strict=True)}
    return targets
