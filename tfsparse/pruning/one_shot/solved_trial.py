"""One kernel of a dense model, pruned by the one-shot solver again and again, and put back.

`tfsparse.sensitivity` tries patterns and sparsities this way. The kernel has no wrapper and no
mask.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from tfsparse.pattern import Pattern, from_blocks
from tfsparse.pruning.block_mask import mask_shape
from tfsparse.pruning.forward_passes import CalibrationData, ForwardPasses
from tfsparse.pruning.one_shot.kernel_problem import KernelProblem, bias_of
from tfsparse.pruning.one_shot.layer_problems import LayerProblems
from tfsparse.pruning.prunable import PrunableKernel


class _Unmasked:
    """A kernel as the solver takes it, all of whose blocks are kept.

    Args:
        kernel: The kernel.
    """

    def __init__(self, kernel: PrunableKernel) -> None:
        self.owner = kernel.owner
        self.path = kernel.path
        self.variable = kernel.variable
        self.view = kernel.view
        self.pattern: Pattern
        self.block: Any

    def take(self, pattern: Pattern) -> None:
        """From now on it is pruned in this pattern."""
        self.pattern = pattern
        self.block = pattern.flag_block(self.view.matrix_shape)

    def kept(self) -> np.ndarray:
        """True for every block."""
        return np.ones(mask_shape(self.view, self.block), dtype=bool)

    def set(self, kept: np.ndarray, values: np.ndarray) -> None:
        """Sets the kernel to new values where it is kept."""
        blocks = np.broadcast_to(
            kept[..., None, None], (*kept.shape, self.block.out, self.block.in_)
        )
        flags = self.view.from_matrices(from_blocks(blocks, self.view.matrix_shape))
        self.variable.assign(np.where(flags, values, 0).astype(self.variable.numpy().dtype))


class SolvedTrial:
    """One kernel on trial.

    Args:
        kernel: The kernel as the solver takes it.
        problem: Makes its problem, for a share of elements that may go.
        reach: The greatest sparsity that will be tried.
    """

    def __init__(
        self, kernel: _Unmasked, problem: Callable[[float], KernelProblem], reach: float
    ) -> None:
        self._kernel = kernel
        self._problem = problem
        self._reach = reach
        self._solved: KernelProblem | None = None
        self._bias = bias_of(kernel)
        variables = [kernel.variable, *([] if self._bias is None else [self._bias])]
        self._values = [(variable, np.array(variable.numpy())) for variable in variables]

    def prune(self, pattern: Pattern, sparsity: float) -> float:
        """Prunes the kernel and returns the sparsity that it then has."""
        self.put_back()
        if self._solved is None or self._kernel.pattern != pattern:
            self._kernel.take(pattern)
            self._solved = self._problem(self._reach)
        self._solved.prune(sparsity)
        values = self._kernel.variable.numpy()
        return float(1.0 - np.count_nonzero(values) / max(1, values.size))

    def put_back(self) -> None:
        """Gives the kernel and its bias the values that they had."""
        for variable, values in self._values:
            variable.assign(values)


def solved_trials(
    model: Any,
    kernels: Sequence[PrunableKernel],
    data: CalibrationData,
    damping: float,
    reach: float,
) -> Iterator[tuple[str, SolvedTrial]]:
    """Each kernel on trial, by its path, in the order in which the model runs them.

    Each has to be put back before the next one is taken: its inputs are read then.

    Args:
        model: The model.
        kernels: Its kernels.
        data: Examples of its inputs.
        damping: As in `tfsparse.prune_one_shot`.
        reach: The greatest sparsity that will be tried.

    Raises:
        ValueError: If the data lead to NaN or infinity at a layer.
    """
    unmasked = [_Unmasked(kernel) for kernel in kernels]
    for kernel, problem in LayerProblems(ForwardPasses(model, data), unmasked, damping):
        yield kernel.path, SolvedTrial(kernel, problem, reach)
