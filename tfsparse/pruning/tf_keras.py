"""Binds the pruning wing to tf_keras, the Keras 2 that goes with TensorFlow."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tf_keras

from tfsparse.pruning.binding import Binding
from tfsparse.pruning.wrapper import PruneBlockMixin


@tf_keras.saving.register_keras_serializable(package="tfsparse")
class PruneBlock(PruneBlockMixin, tf_keras.layers.Wrapper):  # type: ignore[misc]
    """Wrapper that prunes the kernels of a tf_keras layer; made by `tfsparse.prune_block`."""

    def _set_constraint(self, variable: Any, constraint: Callable[[Any], Any]) -> None:
        # Mixed precision wraps a variable in an AutoCastVariable, a strategy
        # wraps one per replica; the constraint belongs to what lies beneath.
        variable = getattr(variable, "_variable", variable)
        for replica in (variable, *getattr(variable, "_values", ())):
            replica._constraint = constraint

    def _add_penalty(self, variable: Any, penalty: Callable[[Any], Any]) -> None:
        self.add_loss(lambda: penalty(variable))


BINDING = Binding(
    layer_class=tf_keras.layers.Layer,
    model_class=tf_keras.Model,
    wrapper_class=PruneBlock,
    clone_model=tf_keras.models.clone_model,
)
