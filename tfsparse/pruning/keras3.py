"""Binds the pruning wing to Keras 3."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras

from tfsparse.pruning.binding import Binding
from tfsparse.pruning.pruned_kernel import MaskConstraint
from tfsparse.pruning.wrapper import PruneBlockMixin


# Keras 3.12, the last for Python 3.10, takes constraints and regularizers of these
# classes only; later ones take any function.
class KerasMaskConstraint(MaskConstraint, keras.constraints.Constraint):  # type: ignore[misc]
    """The constraint that holds a mask, as Keras 3 wants it."""


class AddedPenalty(keras.regularizers.Regularizer):  # type: ignore[misc]
    """A penalty on top of the regularizer that the user set, if any."""

    def __init__(
        self, existing: Callable[[Any], Any] | None, penalty: Callable[[Any], Any]
    ) -> None:
        self._existing = existing
        self._penalty = penalty

    def __call__(self, x: Any) -> Any:
        """The sum of both."""
        added = self._penalty(x)
        return added if self._existing is None else self._existing(x) + added


@keras.saving.register_keras_serializable(package="tfsparse")
class PruneBlock(PruneBlockMixin, keras.layers.Wrapper):  # type: ignore[misc]
    """Wrapper that prunes the kernels of a Keras 3 layer; made by `tfsparse.prune_block`."""

    # Keras 3 builds a layer from the names of these arguments, so `build` and
    # `call` are inherited as they stand in the mixin.

    constraint_class = KerasMaskConstraint

    def _set_constraint(self, variable: Any, constraint: Callable[[Any], Any]) -> None:
        variable.constraint = constraint

    def _add_penalty(self, variable: Any, penalty: Callable[[Any], Any]) -> None:
        variable.regularizer = AddedPenalty(variable.regularizer, penalty)


def _clone_model(model: Any, clone_function: Callable[[Any], Any]) -> Any:
    # A compiled model is compiled again by cloning, which fails on losses and
    # metrics that were never registered; what is cloned here is compiled later.
    compiled, model.compiled = model.compiled, False
    try:
        return keras.models.clone_model(model, clone_function=clone_function)
    finally:
        model.compiled = compiled


BINDING = Binding(
    layer_class=keras.layers.Layer,
    model_class=keras.Model,
    wrapper_class=PruneBlock,
    clone_model=_clone_model,
)
