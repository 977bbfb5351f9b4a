"""`prune_one_shot`: prunes a trained model without training it, layer by layer.

Each layer is a problem of its own: its outputs, on calibration data, are to change as little as
they can. Layers are taken in the order in which the model runs them, so that each is
pruned on inputs that come from the pruned layers in front of it, and makes up for some of
what those have lost.

Memory: one layer's inputs are read as a matrix of their second moments, and layers that are called
with the same tensor share it. So the largest layer decides, and not the data nor the model.

Cost: a part of a pass over the data for each layer (`forward_passes`), and its elimination
(`elimination`). Under one total sparsity every layer is measured first, which doubles both.

Reference:

- Frantar and Alistarh, "Optimal Brain Compression", NeurIPS 2022.
"""

from __future__ import annotations

import warnings
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np

from tfsparse.pattern import NMPattern, Pattern, parse_pattern
from tfsparse.pruning.binding import binding_of
from tfsparse.pruning.constant_schedules import OneShot
from tfsparse.pruning.forward_passes import CalibrationData, ForwardPasses
from tfsparse.pruning.layer_rules import Changes, Rule
from tfsparse.pruning.one_shot.layer_problems import LayerProblems, prune_in_order
from tfsparse.pruning.one_shot.under_time import rules_under_time
from tfsparse.pruning.one_shot.wrapping import wrapped
from tfsparse.pruning.predicted_time import PredictedTimes, Speedup, as_speedup
from tfsparse.pruning.pruner import Pruner
from tfsparse.pruning.schedule_adapter import as_schedule
from tfsparse.pruning.scope import Scope
from tfsparse.pruning.settings import Settings

DEFAULT_SPARSITY = 0.5
DAMPING = 0.01


def prune_one_shot(
    model: Any,
    data: Any,
    pattern: str | Pattern = "4x1",
    sparsity: float | None = None,
    scope: str | Scope = "local",
    exclude: Rule | Collection[Rule] = (),
    overrides: Mapping[Any, Changes] | None = None,
    strict: bool = False,
    speedup: float | Speedup | None = None,
    damping: float = DAMPING,
    batch_size: int = 32,
    batches: int | None = None,
    inplace: bool = False,
    verbose: bool | None = None,
) -> Any:
    """Prunes a trained model at once, and changes its other weights to make up for it.

    It needs some hundred examples of the model's inputs, no labels and no training. For each
    layer, those blocks become zero without which its outputs change least, and the weights that
    are left (and the bias, if there is one) are corrected so that they change less still.
    `tfsparse.OneShot` prunes by magnitude and leaves the other weights alone.

    The result is what `tfsparse.prune_block` gives after its last update: it can be
    trained on, with the masks held, stripped and exported. Where the model has
    BatchNormalization, `tfsparse.recalibrate` may bring more, on data as in training.

    Dense, EinsumDense, the projections of attention and convolutions are pruned this way.
    Other kernels are pruned by magnitude, and a warning names them.

    Args:
        model: A built model or layer of Keras 3 or tf_keras, as in `tfsparse.prune_block`.
            It is not changed unless `inplace`.
        data: Examples of its inputs, in any form that `fit` takes: arrays, a list or a
            dict of them, ``(x, y)``, whose y is ignored, a `tf.data.Dataset`, an iterable of
            batches. It is read once for each layer, in order.
        pattern: As in `tfsparse.prune_block`.
        sparsity: Share of elements that will be zero, in [0, 1); by default 0.5, and for
            ``"K:N"`` the ``1 - K/N`` of the pattern.
        scope: ``"local"``: every kernel gets that sparsity. ``"global"``: all
            together do, and those keep more whose outputs change more; or a
            `tfsparse.Scope` with bounds for each kernel.
        exclude: Layers to leave as they are, as in `tfsparse.prune_block`.
        overrides: Settings of their own for some layers, as in `tfsparse.prune_block`:
            ``{"ffn_*": {"pattern": "16x4", "schedule": 0.7}}``. What
            `tfsparse.SensitivityReport.suggest` gives will do.
        strict: Whether to raise when a layer is skipped.
        speedup: In the place of `sparsity`: how much faster the model is to be once it is
            converted, as `tfsparse.export` predicts it in FP32 for 32 examples, or a
            `tfsparse.Speedup` for another use. Sparsities are divided among the kernels so that
            the errors of all together are least. `tfsparse.sparsity_report` shows them.
        damping: What is added to the mean square of each input, as a share of the average over
            all inputs; positive. Take more for fewer examples.
        batch_size: Rows of an array that are run at a time.
        batches: The most batches to read; by default arrays and lists are read whole,
            and 100 batches of all else.
        inplace: As in `tfsparse.prune_block`, for models written as a class. If an error
            or an interruption ends it, the model is as before.
        verbose: True shows a bar on stderr, False never; by default it is shown if
            stderr is a terminal.

    Returns:
        A new model with pruned layers, not compiled; with `inplace` the same model.

    Warns:
        UserWarning: Names kernels that are pruned by magnitude.

    Raises:
        ValueError: If an argument is wrong, if the data do not fit the model or lead
            to NaN or infinity at a layer, or where `tfsparse.prune_block` raises.

    Example:

    >>> x = np.random.default_rng(0).normal(size=(256, 3)) @ np.ones((3, 16))
    >>> model = keras.Sequential([keras.Input((16,)), keras.layers.Dense(8)])
    >>> pruned = tfsparse.prune_one_shot(model, x, "4x1", 0.5)
    >>> tfsparse.sparsity_report(pruned).total_sparsity
    0.5
    >>> magnitude = tfsparse.prune_block(model, "4x1", tfsparse.OneShot(0.5))
    >>> errors = [np.square(other(x) - model(x)).mean() for other in (pruned, magnitude)]
    >>> bool(errors[0] < 0.01 * errors[1])
    True
    """
    if not (isinstance(damping, int | float) and 0.0 < damping < np.inf):
        raise ValueError(f"`damping` should be a positive number. Received: damping={damping!r}")
    binding_of(model)  # says what is no model
    settings = Settings.of(pattern, _schedule(pattern, sparsity), scope=scope)
    rules = _one_shot_rules(overrides, sparsity)
    read = CalibrationData(model, data, batch_size, batches)
    if speedup is not None:
        _check_alone(sparsity, settings.scope)
        times = PredictedTimes(model, use := as_speedup(speedup))
        pruner = Pruner(settings, exclude, rules, strict, at_once=False)
        with wrapped(model, pruner, read, inplace, keep=False) as (pruned, states):
            problems = _problems(pruned, read, states, damping)
            rules = rules_under_time(pruned, problems, times, use, rules, verbose)
    pruner = Pruner(settings, exclude, rules, strict, at_once=False)
    with wrapped(model, pruner, read, inplace) as (pruned, states):
        problems = _problems(pruned, read, states, damping)
        if problems.unknown:
            _warn_of(problems.unknown)
        prune_in_order(problems, verbose)
        for state in states:
            state.passed(0)
    return pruned


def _problems(
    model: Any, data: CalibrationData, states: Sequence[Any], damping: float
) -> LayerProblems:
    kernels = [kernel for state in states for kernel in state.kernels]
    return LayerProblems(ForwardPasses(model, data), kernels, float(damping))


def _check_alone(sparsity: float | None, scope: Scope) -> None:
    if sparsity is not None or scope.is_global:
        raise ValueError(
            "`sparsity` and `scope` should be left out where `speedup` says what each kernel gets. "
            f"Received: sparsity={sparsity}, scope={scope}"
        )


def _schedule(pattern: str | Pattern, sparsity: float | None) -> OneShot:
    parsed = parse_pattern(pattern)
    if sparsity is None:
        sparsity = parsed.sparsity if isinstance(parsed, NMPattern) else DEFAULT_SPARSITY
    return OneShot(sparsity)


def _one_shot_rules(
    overrides: Mapping[Any, Changes] | None, sparsity: float | None
) -> Mapping[Any, Changes] | None:
    """Overrides whose schedules prune once, to the same sparsity."""
    if not isinstance(overrides, Mapping):
        return overrides  # refused by the rules, if it is not None
    return {rule: _one_shot_changes(changes, sparsity) for rule, changes in overrides.items()}


def _one_shot_changes(changes: Changes, sparsity: float | None) -> Changes:
    if not isinstance(changes, Mapping):
        return changes
    changes = dict(changes)
    if changes.get("schedule") is not None:
        changes["schedule"] = OneShot(as_schedule(changes["schedule"]).target)
    elif "pattern" in changes:
        is_free = not isinstance(parse_pattern(changes["pattern"]), NMPattern)
        changes["schedule"] = _schedule(changes["pattern"], sparsity if is_free else None)
    return changes


def _warn_of(kernels: Sequence[Any]) -> None:
    names = [kernel.path for kernel in kernels]
    warnings.warn(
        "Some kernels are pruned by magnitude, and nothing makes up for it, because what they are "
        f"multiplied with is not known or the data do not lead to them: {names}",
        stacklevel=3,
    )
