"""Binds the pruning package to Keras 3."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

from tfsparse.pruning.binding import Binding
from tfsparse.pruning.mask_constraint import MaskConstraint
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
        self.existing = existing
        self._penalty = penalty

    def __call__(self, x: Any) -> Any:
        """The sum of both, in the dtype of the loss that Keras adds it to."""
        terms = [self._penalty] if self.existing is None else [self.existing, self._penalty]
        return sum(tf.cast(term(x), keras.config.floatx()) for term in terms)


@keras.saving.register_keras_serializable(package="tfsparse")
class PruneBlock(PruneBlockMixin, keras.layers.Wrapper):  # type: ignore[misc]
    """Wrapper that prunes the kernels of a Keras 3 layer; made by `tfsparse.prune_block`."""

    constraint_class = KerasMaskConstraint

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if keras.config.backend() != "tensorflow":
            raise ValueError(
                "`KERAS_BACKEND` should be 'tensorflow' to prune. "
                f"Received: KERAS_BACKEND={keras.config.backend()!r}"
            )
        super().__init__(*args, **kwargs)

    def compute_output_spec(self, *args: Any, **kwargs: Any) -> Any:
        """Shapes and dtypes of the outputs of the layer."""
        return self.layer.compute_output_spec(*args, **kwargs)

    def _add_accumulator(self, name: str, shape: tuple[int, ...]) -> Any:
        # `add_weight` does not take how a variable is shared among replicas.
        variable = keras.Variable(
            "zeros",
            shape=shape,
            dtype="float32",
            trainable=False,
            autocast=False,
            synchronization="on_read",
            aggregation="mean",
            name=name,
        )
        setattr(self, name, variable)
        return variable

    def _symbolic_input(self, spec: tf.TensorSpec) -> Any:
        return keras.KerasTensor(spec.shape, spec.dtype.name)

    def _set_constraint(self, variable: Any, constraint: Callable[[Any], Any] | None) -> None:
        variable.constraint = constraint

    def _add_penalty(self, variable: Any, penalty: Callable[[Any], Any]) -> None:
        variable.regularizer = AddedPenalty(variable.regularizer, penalty)

    def _remove_penalty(self, variable: Any) -> None:
        if isinstance(variable.regularizer, AddedPenalty):
            variable.regularizer = variable.regularizer.existing


def _clone_model(model: Any, clone_function: Callable[[Any], Any]) -> Any:
    # A compiled model is compiled again by cloning, which fails on losses and
    # metrics that were never registered; what is cloned here is compiled later.
    compiled, model.compiled = model.compiled, False
    try:
        return keras.models.clone_model(
            model, input_tensors=_inputs_like(model), clone_function=clone_function
        )
    finally:
        model.compiled = compiled


def _inputs_like(model: Any) -> Any | None:
    """Inputs like those of a functional model; `clone_model` forgets which are optional."""
    if isinstance(model, keras.Sequential):
        return None

    def like(tensor: Any) -> Any:
        return keras.Input(
            batch_shape=tensor.shape,
            dtype=tensor.dtype,
            sparse=tensor.sparse,
            ragged=getattr(tensor, "ragged", None),
            name=tensor.name,
            optional=getattr(tensor._keras_history.operation, "optional", False),
        )

    return keras.tree.map_structure(like, model.input)


def _exchange(parent: Any, name: str, value: Any, old: Any, new: Any) -> None:
    # A layer that is built takes no other layer, except in the place of one it has.
    if any(layer is old for layer in parent._layers):
        parent._tracker.replace_tracked_value("layers", old, new)
    setattr(parent, name, value)


BINDING = Binding(
    layer_class=keras.layers.Layer,
    model_class=keras.Model,
    wrapper_class=PruneBlock,
    clone_model=_clone_model,
    exchange=_exchange,
    custom_object_scope=keras.saving.custom_object_scope,
    tracked_layers=lambda model: model._layers,
)
