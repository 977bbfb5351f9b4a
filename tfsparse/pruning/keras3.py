"""Binds the pruning wing to Keras 3."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras

from tfsparse.pruning.binding import Binding
from tfsparse.pruning.wrapper import PruneBlockMixin


@keras.saving.register_keras_serializable(package="tfsparse")
class PruneBlock(PruneBlockMixin, keras.layers.Wrapper):  # type: ignore[misc]
    """Wrapper that prunes the kernels of a Keras 3 layer; made by `tfsparse.prune_block`."""

    # Keras 3 builds a layer from the names of these arguments, so `build` and
    # `call` are inherited as they stand in the mixin.

    def _set_constraint(self, variable: Any, constraint: Callable[[Any], Any]) -> None:
        variable.constraint = constraint

    def _add_penalty(self, variable: Any, penalty: Callable[[Any], Any]) -> None:
        existing = variable.regularizer
        variable.regularizer = (
            penalty if existing is None else lambda value: existing(value) + penalty(value)
        )


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
