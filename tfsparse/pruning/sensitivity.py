"""`sensitivity`: what each kernel of a model can lose before the model notices.

One kernel at a time is pruned without training, by magnitude or by the solver of
`prune_one_shot`, the model is evaluated, and the kernel is put back. What is lost this way is
more than what is lost with training to recover, and kernels that are harmless one by one may not
be so together: the use of it is to tell kernels apart, not to predict a pruned model's quality.

Cost: one evaluation of the model for each kernel, pattern and sparsity. Some
hundred samples tell kernels apart.

Reference:

- Han et al., "Learning both Weights and Connections for Efficient Neural
  Networks", NeurIPS 2015 (sensitivity of the layers of a network).
- Li et al., "Pruning Filters for Efficient ConvNets", ICLR 2017.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from tfsparse.pattern import NMPattern, Pattern, from_blocks, parse_pattern, to_blocks
from tfsparse.pruning.binding import binding_of, pruned_layers
from tfsparse.pruning.criterion import Criterion, get_criterion
from tfsparse.pruning.forward_passes import CalibrationData
from tfsparse.pruning.one_shot.prune_one_shot import DAMPING
from tfsparse.pruning.one_shot.solved_trial import SolvedTrial, solved_trials
from tfsparse.pruning.predicted_time import PredictedTimes, Speedup, as_speedup
from tfsparse.pruning.prunable import PrunableKernel, find_kernels
from tfsparse.pruning.schedules import check_sparsity
from tfsparse.pruning.selection import elements_per_block, rank, select
from tfsparse.pruning.sensitivity_choice import Sensitivity
from tfsparse.pruning.sensitivity_report import SensitivityReport


def sensitivity(
    model: Any,
    data: Any,
    patterns: Sequence[str | Pattern] = ("4x1",),
    sparsities: Sequence[float] = (0.5, 0.7, 0.8, 0.9, 0.95),
    criterion: Any = "l2_norm",
    batch_size: int | None = None,
    verbose: int = 1,
    calibration_data: Any = None,
    speedup: float | Speedup | None = None,
) -> SensitivityReport:
    """Measures how a model does with one of its kernels pruned at a time.

    The weights of the model are the same afterwards, also if it is interrupted.

    Args:
        model: A built model of Keras 3 or tf_keras, without layers from
            `tfsparse.prune_block`; compiled, unless `data` is a function.
        data: What to evaluate with: a tuple ``(x, y)``, a `tf.data.Dataset`, or
            a function of the model that returns a number or a dictionary of
            numbers.
        patterns: Patterns, as in `tfsparse.prune_block`.
        sparsities: Shares of elements to prune, in [0, 1). A pattern ``"K:N"`` is
            tried at its own ``1 - K/N`` alone.
        criterion: What makes a block important; one that needs no gradients.
        batch_size: Batch size of the evaluation, where `data` is a tuple.
        verbose: 1 to show progress, 0 to be silent.
        calibration_data: Examples of the model's inputs, some hundred, as
            `tfsparse.prune_one_shot` takes them. If they are given, kernels are pruned as
            it does, and `criterion` has no effect.
        speedup: How much faster the model is to become, as in `tfsparse.prune_one_shot`. If it
            is given, the report has the predicted speed-up of each row, can be plotted
            against it, and suggests settings that reach it.

    Returns:
        A `SensitivityReport`: ``print`` it for a table, `plot` it, or let it
        `suggest` settings for `tfsparse.prune_block` or `tfsparse.prune_one_shot`.

    Raises:
        ValueError: If the model is not built, not compiled, holds wrapped layers
            or nothing that can be pruned, or if an argument is wrong.

    Example:

    >>> model = keras.Sequential([keras.Input((16,)), keras.layers.Dense(8, name="digit")])
    >>> model.compile(loss="mse")
    >>> data = np.ones((4, 16), "float32"), np.ones((4, 8), "float32")
    >>> report = tfsparse.sensitivity(model, data, sparsities=[0.5, 0.75], verbose=0)
    >>> [(row.kernel, row.pattern, row.sparsity) for row in report.rows]
    [('digit', '4x1', 0.5), ('digit', '4x1', 0.75)]
    """
    chosen = get_criterion(criterion)
    if chosen.needs_gradients:
        raise ValueError(
            "`criterion` should be one that needs no gradients, because nothing is trained. "
            f"Received: criterion={chosen.name!r}"
        )
    trials = _trials(patterns, sparsities)
    kernels = _kernels(model)
    evaluate = _evaluation(model, data, batch_size)
    use = None if speedup is None else as_speedup(speedup)
    times = None if use is None else PredictedTimes(model, use)
    on_trial: Iterable[tuple[str, _Trial | SolvedTrial]]
    if calibration_data is None:
        on_trial = ((kernel.path, _Trial(kernel, chosen)) for kernel in kernels)
    else:
        read = CalibrationData(model, calibration_data, batch_size or 32)
        reach = max(sparsity for _, sparsity in trials)
        on_trial = solved_trials(model, kernels, read, DAMPING, reach)
    baseline = evaluate()
    rows: dict[str, list[Sensitivity]] = {kernel.path: [] for kernel in kernels}
    progress = _Progress(len(kernels), verbose)
    for path, trial in on_trial:
        try:
            for pattern, sparsity in trials:
                actual = trial.prune(pattern, sparsity)
                faster = None if times is None else times.speedup_by(path, pattern, sparsity)
                row = Sensitivity(path, str(pattern), sparsity, actual, evaluate(), faster)
                rows[path].append(row)
        finally:
            trial.put_back()
        progress.done(path)
    in_order = tuple(row for of_kernel in rows.values() for row in of_kernel)
    if times is None or use is None:
        return SensitivityReport(in_order, baseline)
    return SensitivityReport(in_order, baseline, times.total / times.converted, use.factor)


def _trials(
    patterns: Sequence[str | Pattern], sparsities: Sequence[float]
) -> list[tuple[Pattern, float]]:
    if isinstance(patterns, str) or not patterns:
        raise ValueError(
            f"`patterns` should be a list of at least one pattern. Received: patterns={patterns!r}"
        )
    if not isinstance(sparsities, Sequence | np.ndarray) or not len(sparsities):
        raise ValueError(
            "`sparsities` should be a list of at least one number. "
            f"Received: sparsities={sparsities!r}"
        )
    shares = [check_sparsity("sparsities", sparsity) for sparsity in sparsities]
    trials: list[tuple[Pattern, float]] = []
    for pattern in map(parse_pattern, patterns):
        own = [pattern.sparsity] if isinstance(pattern, NMPattern) else shares
        trials += [(pattern, sparsity) for sparsity in own]
    return trials


def _kernels(model: Any) -> list[PrunableKernel]:
    if not isinstance(model, binding_of(model).model_class) or not model.built:
        raise ValueError(f"`model` should be a model that is built. Received: model={model!r}")
    if any(pruned_layers(model)):
        raise ValueError(
            "`model` should have no layer from `prune_block`; `strip_pruning` takes them off. "
            f"Received: model={model.name!r}"
        )
    kernels = find_kernels(model)
    if not kernels:
        raise ValueError(
            "`model` should hold a layer that can be pruned; see `sparsity_report`. "
            f"Received: model={model.name!r}"
        )
    return kernels


def _evaluation(model: Any, data: Any, batch_size: int | None) -> Callable[[], dict[str, float]]:
    """A function that evaluates the model as it is now."""
    if callable(data):
        return lambda: _numbers(data(model))
    if getattr(model, "loss", None) is None and not getattr(model, "compiled", False):
        raise ValueError(
            "`model` should be compiled with a loss when `data` is not a function. "
            f"Received: model={model.name!r}"
        )
    if isinstance(data, tuple | list):
        if len(data) not in (2, 3):
            raise ValueError(
                "`data` should be (x, y) or (x, y, sample_weight), a `tf.data.Dataset` or a "
                f"function of the model. Received: a {type(data).__name__} of length {len(data)}"
            )
        names = ("x", "y", "sample_weight")
        arguments = {**dict(zip(names, data, strict=False)), "batch_size": batch_size}
    else:
        arguments = {"x": data}
    return lambda: _numbers(model.evaluate(**arguments, verbose=0, return_dict=True))


def _numbers(result: Any) -> dict[str, float]:
    named = result if isinstance(result, Mapping) else {"score": result}
    try:
        return {str(name): float(value) for name, value in named.items()}
    except (TypeError, ValueError) as error:
        raise ValueError(
            "`data` should be a function that returns a number or a dictionary of numbers, where "
            f"it is a function. Received: one that returned {result!r}"
        ) from error


class _Trial:
    """One kernel, which is pruned again and again from the values that it had."""

    def __init__(self, kernel: PrunableKernel, criterion: Criterion) -> None:
        self._kernel = kernel
        self._criterion = criterion
        self._values = np.array(kernel.variable.numpy())
        self._matrices = kernel.view.to_matrices(self._values)

    def prune(self, pattern: Pattern, sparsity: float) -> float:
        """Prunes the kernel and returns the sparsity that it then has."""
        view = self._kernel.view
        block = pattern.flag_block(view.matrix_shape)
        sizes = elements_per_block(view.matrix_shape, block)
        scores = self._criterion(to_blocks(self._matrices, block), sizes)
        ranking = rank(scores, np.ones(scores.shape, dtype=bool), view, pattern)
        kept = select(ranking, sparsity)
        flags = from_blocks(
            np.broadcast_to(kept[..., None, None], (*kept.shape, block.out, block.in_)),
            view.matrix_shape,
        )
        # A selection, not a product: NaN times zero is NaN.
        pruned = np.where(view.from_matrices(flags), self._values, self._values.dtype.type(0))
        self._kernel.variable.assign(pruned)
        return float(1.0 - np.count_nonzero(pruned) / max(1, pruned.size))

    def put_back(self) -> None:
        """Gives the kernel the values that it had."""
        self._kernel.variable.assign(self._values)


class _Progress:
    """A line for each kernel, with the time that is left."""

    def __init__(self, total: int, verbose: int) -> None:
        self._total = total
        self._verbose = verbose
        self._begin = time.perf_counter()
        self._done = 0

    def done(self, name: str) -> None:
        self._done += 1
        if not self._verbose:
            return
        passed = time.perf_counter() - self._begin
        left = passed / self._done * (self._total - self._done)
        width = len(str(self._total))
        print(
            f"[{self._done:{width}}/{self._total}] {name}: {passed:.0f} s, about {left:.0f} s left",
            file=sys.stderr,
            flush=True,
        )
