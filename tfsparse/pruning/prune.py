"""`prune_block`: wraps layers so that they are pruned in blocks while they train."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from tfsparse.pattern import Pattern
from tfsparse.pruning.binding import binding_of
from tfsparse.pruning.group_lasso import GroupLasso
from tfsparse.pruning.layer_rules import Changes, Rule
from tfsparse.pruning.pruner import Pruner
from tfsparse.pruning.scope import Scope
from tfsparse.pruning.settings import Settings
from tfsparse.pruning.wrapper import PruneBlockMixin


def prune_block(
    layer: Any,
    pattern: str | Pattern = "4x1",
    schedule: Any = None,
    group_lasso: float | GroupLasso = 0.0,
    strict: bool = False,
    exclude: Rule | Collection[Rule] = (),
    overrides: Mapping[Any, Changes] | None = None,
    criterion: Any = "l2_norm",
    scope: str | Scope = "local",
    regrow: bool = False,
    inplace: bool = False,
) -> Any:
    """Prunes the kernels of layers in blocks while they train.

    Returned layers and models train as before. To move their sparsity along the
    schedule, pass `tfsparse.UpdatePruning()` to `fit`: without that callback
    nothing is pruned, except by `tfsparse.OneShot` and `tfsparse.PatternLock`,
    which take effect at once. `tfsparse.strip_pruning` gives plain layers back.

    Blocks that are zero when training begins stay zero, so a model that is sparse
    already can be trained further without losing that.

    Nothing is excluded by default. In many models the first layer, which sees the
    raw inputs, and the last one are small and should stay dense: name them in
    `exclude`.

    Args:
        layer: A layer, a model, or a list of layers, of Keras 3 or tf_keras. A
            layer is wrapped itself, with all kernels inside it. A Sequential or
            functional model is cloned, models nested in it too, with its weights
            and without its compiled state; the original is not changed. Layers
            that are wrapped already are kept as they are, so that patterns can
            be mixed.
        pattern: ``"AxB"``: A consecutive output channels by B consecutive inputs;
            ``"1x1"`` is unstructured. ``"K:N"`` keeps K of every N consecutive
            inputs. ``"channel"`` is whole output channels.
        schedule: A number, the share of elements that will be zero: reached by a
            cubic ramp from 10% to 70% of the training. Or a
            `tfsparse.PruningSchedule`, or a schedule of TensorFlow Model
            Optimization. By default 0.9, and for ``"K:N"`` the ``1 - K/N`` that
            the pattern asks for. Every kernel keeps one block at least.
        group_lasso: Strength of the group lasso, which adds
            ``group_lasso * sum_b sqrt(|b|) * ||W_b||_2`` to the loss, over the
            blocks b of every kernel, until the target sparsity is reached; or a
            `tfsparse.GroupLasso`, which has another form and may go on.
        strict: Whether to raise when a layer of a model or list is skipped.
        exclude: Layers to leave as they are, with everything inside them: names,
            in which ``*`` stands for anything (``"block_*/attention"`` is a
            path), classes, or functions of a layer that say so. A name has to
            match something; a class or a function need not. Frozen layers are
            pruned as others are: ``lambda layer: not layer.trainable`` leaves them.
        overrides: Settings of their own for some layers, named as in `exclude`:
            ``{"ffn_*": {"pattern": "16x4", "schedule": 0.95}}``. They hold for
            everything inside those layers that has no settings of its own. If
            several fit one layer, the last one wins.
        criterion: What makes a block important. See `tfsparse.register_criterion`
            for the names, and for a function of your own.
        scope: ``"local"``: every kernel gets the sparsity of the schedule.
            ``"global"``: all kernels together do, and those with more important
            blocks keep more; or a `tfsparse.Scope` with bounds for each kernel.
        regrow: Whether pruned blocks may come back where the sparsity of a schedule falls.
        inplace: Whether to exchange the layers inside `layer`, which must be a
            model or layer that was written as a class, for wrapped ones, and
            return it. For models that cannot be cloned. It keeps its weights, and
            an optimizer keeps its state for them. A Sequential or functional
            model in it is wrapped as one layer.

    Returns:
        A wrapped layer, a new model or a list, as was passed, or with `inplace`
        the same object. Layers of a model or list that cannot be pruned are left
        as they are; `tfsparse.sparsity_report` names them with the reason.

    Note:
        Saved models load without `custom_objects` once tfsparse is imported, with
        tf_keras if that was imported before it.

    Raises:
        ValueError: If a single layer cannot be pruned, if a model is subclassed
            and `inplace` is not set, if nothing in a model can be pruned, if
            `strict` and a layer is skipped, or if an argument is wrong.

    Example:

    >>> model = keras.Sequential([
    ...     keras.Input((64,)),
    ...     keras.layers.Dense(32, "relu", name="hidden"),
    ...     keras.layers.Dense(10, name="digit"),
    ... ])
    >>> model = tfsparse.prune_block(model, "4x1", 0.9, exclude=["digit"])
    >>> model.compile("adam", "mse")
    >>> x, y = np.zeros((8, 64)), np.zeros((8, 10))
    >>> history = model.fit(x, y, verbose=0, callbacks=[tfsparse.UpdatePruning()])
    >>> tfsparse.sparsity_report(model).total_sparsity
    0.900390625
    """
    settings = Settings.of(pattern, schedule, group_lasso, criterion, scope, regrow)
    pruner = Pruner(settings, exclude, overrides, strict)
    if isinstance(layer, list | tuple):
        for one in layer:
            binding_of(one)  # says what is no layer
        return pruner.prune_list(list(layer))
    binding = binding_of(layer)
    if isinstance(layer, PruneBlockMixin):
        raise ValueError(
            "`layer` should not be wrapped already. "
            f"Received: layer={layer.name!r}, pruned as {layer.pattern} by {layer.schedule}"
        )
    if inplace:
        return pruner.prune_inplace(layer)
    if isinstance(layer, binding.model_class):
        return pruner.prune_model(layer)
    return pruner.prune_layer(layer)
