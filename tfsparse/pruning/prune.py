"""`prune_block`: wraps layers so that they are pruned in blocks while they train."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from tfsparse.pattern import Pattern
from tfsparse.pruning.binding import binding_of, children
from tfsparse.pruning.cloning import StateCopies, clone_with, is_clonable
from tfsparse.pruning.prunable import has_matrix, refusal
from tfsparse.pruning.wrapper import PruneBlockMixin


def prune_block(
    layer: Any,
    pattern: str | Pattern = "4x1",
    schedule: Any = 0.9,
    group_lasso: float = 0.0,
    strict: bool = False,
    exclude: Collection[str] = (),
    criterion: str = "l2_norm",
) -> Any:
    """Prunes the kernels of layers in blocks while they train.

    Returned layers and models train as before. To move their sparsity along the
    schedule, pass `tfsparse.UpdatePruning()` to `fit`: without that callback
    nothing is pruned. `tfsparse.strip_pruning` gives plain layers back.

    The group lasso adds ``group_lasso * sum_b sqrt(|b|) * ||W_b||_2`` to the
    loss, over the blocks b of every kernel.

    Args:
        layer: A layer, a Sequential or functional model, or a list of layers, of
            Keras 3 or tf_keras. A layer is wrapped itself. A model is cloned,
            models nested in it too, with its weights and without its compiled
            state; the original is not changed. Layers that are wrapped already
            are kept as they are, so that patterns can be mixed.
        pattern: ``"AxB"``: A consecutive output channels by B consecutive inputs.
        schedule: A float, the share of elements that will be zero: reached by a
            cubic ramp from 10% to 70% of the training. Or a
            `tfsparse.PolynomialDecay`, `tfsparse.ConstantSparsity`, or a schedule
            of TensorFlow Model Optimization.
        group_lasso: Strength of the group lasso, at least 0.
        strict: Whether to raise when a layer of a model or list is skipped.
        exclude: Names of layers to leave as they are.
        criterion: What makes a block important: ``"l2_norm"``.

    Returns:
        A wrapped layer, a new model or a list, as was passed. Layers of a model
        or list that cannot be pruned are left as they are;
        `tfsparse.sparsity_report` names them with the reason.

    Note:
        Saved models load without `custom_objects` once tfsparse is imported, with
        tf_keras if that was imported before it.

    Raises:
        ValueError: If a single layer cannot be pruned, if a model is subclassed,
            if nothing in a model can be pruned, if `strict` and a layer is
            skipped, or if an argument is wrong.

    Example:

    ```python
    model = keras.Sequential([keras.Input((64,)), keras.layers.Dense(32, "relu"),
                              keras.layers.Dense(10)])
    model = tfsparse.prune_block(model, pattern="4x1", schedule=0.9)
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    model.fit(x, y, epochs=10, callbacks=[tfsparse.UpdatePruning()])
    ```
    """
    wrap = {
        "pattern": pattern,
        "schedule": schedule,
        "group_lasso": group_lasso,
        "criterion": criterion,
    }
    if isinstance(layer, list | tuple):
        _check_skipped(list(layer), exclude, strict)
        return [_wrap(one, wrap) if _is_wanted(one, exclude) else one for one in layer]
    binding = binding_of(layer)
    if isinstance(layer, PruneBlockMixin):
        raise ValueError(
            "`layer` should not be wrapped already. "
            f"Received: layer={layer.name!r}, pruned as {layer.pattern} by {layer.schedule}"
        )
    if not isinstance(layer, binding.model_class):
        return _wrap(layer, wrap)
    if is_clonable(layer):
        _check_skipped(_leaves(layer), exclude, strict)

    def replace(inner: Any, copies: StateCopies) -> Any | None:
        return _wrap(copies.clone(inner), wrap) if _is_wanted(inner, exclude) else None

    return clone_with(layer, replace)


def _wrap(layer: Any, arguments: dict[str, Any]) -> Any:
    return binding_of(layer).wrapper_class(layer, **arguments)


def _is_wanted(layer: Any, exclude: Collection[str]) -> bool:
    if isinstance(layer, PruneBlockMixin):
        return False
    return layer.name not in exclude and refusal(layer) is None


def _leaves(model: Any) -> list[Any]:
    """Layers of a model and of the models nested in it."""
    leaves = []
    for layer in children(model):
        leaves += _leaves(layer) if is_clonable(layer) else [layer]
    return leaves


def _check_skipped(layers: list[Any], exclude: Collection[str], strict: bool) -> None:
    if isinstance(exclude, str):
        raise ValueError(f"`exclude` should be a list of names. Received: exclude={exclude!r}")
    if unknown := set(exclude) - {layer.name for layer in layers}:
        raise ValueError(
            f"`exclude` should name layers of the model. Received: {sorted(unknown)}, "
            f"where the layers are {[layer.name for layer in layers]}"
        )
    skipped = {
        layer.name: refusal(layer)
        for layer in layers
        if not isinstance(layer, PruneBlockMixin)
        and layer.name not in exclude
        and refusal(layer) is not None
        and has_matrix(layer)
    }
    reasons = "; ".join(f"{name}: {reason}" for name, reason in skipped.items())
    if strict and skipped:
        raise ValueError(
            f"`layer` should hold only layers that can be pruned when `strict`. Received: {reasons}"
        )
    if not any(_is_wanted(one, exclude) or isinstance(one, PruneBlockMixin) for one in layers):
        raise ValueError(
            "`layer` should hold at least one layer that can be pruned. "
            f"Received: {reasons or 'no layer with a kernel'}"
        )
