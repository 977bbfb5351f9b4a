"""Binds the pruning package to tf_keras, the Keras 2 that goes with TensorFlow."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow as tf
import tf_keras

from tfsparse.pruning.binding import Binding
from tfsparse.pruning.graph import called_layers
from tfsparse.pruning.wrapper import PruneBlockMixin


@tf_keras.saving.register_keras_serializable(package="tfsparse")
class PruneBlock(PruneBlockMixin, tf_keras.layers.Wrapper):  # type: ignore[misc]
    """Wrapper that prunes the kernels of a tf_keras layer; made by `tfsparse.prune_block`."""

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> Any:
        """The inverse of `get_config`."""
        config = dict(config)
        layer = config.pop("layer")
        # The wrapper of tf_keras takes the layer for one of the format before, which
        # has no packages, and so does not find registered classes.
        custom_objects = dict(custom_objects or {})
        if isinstance(layer, dict) and "module" in layer:
            deserialize = tf_keras.saving.deserialize_keras_object
            # Within an `.h5` file this looks for names among the custom objects alone.
            name = layer["class_name"]
            known = tf_keras.saving.get_registered_object(layer.get("registered_name"))
            custom_objects.setdefault(name, known or getattr(tf_keras.layers, name, None))
        else:
            deserialize = tf_keras.layers.deserialize
        return cls(deserialize(layer, custom_objects=custom_objects), **config)

    def save_own_variables(self, store: Any) -> None:
        """Saves masks and clock, and where there is a place for it the name of the layer."""
        super().save_own_variables(store)
        if hasattr(store, "attrs"):  # as Keras 3 writes it
            store.attrs["name"] = self.name

    def _add_accumulator(self, name: str, shape: tuple[int, ...]) -> Any:
        variable = self.add_weight(
            name=name,
            shape=shape,
            dtype="float32",
            initializer="zeros",
            trainable=False,
            experimental_autocast=False,
            synchronization=tf.VariableSynchronization.ON_READ,
            aggregation=tf.VariableAggregation.MEAN,
        )
        setattr(self, name, variable)
        return variable

    def _symbolic_input(self, spec: tf.TensorSpec) -> Any:
        return tf_keras.Input(batch_shape=spec.shape, dtype=spec.dtype)

    def _set_constraint(self, variable: Any, constraint: Callable[[Any], Any] | None) -> None:
        # Mixed precision wraps a variable in an AutoCastVariable, a strategy
        # wraps one per replica; the constraint belongs to what lies beneath.
        variable = getattr(variable, "_variable", variable)
        for replica in (variable, *getattr(variable, "_values", ())):
            replica._constraint = constraint

    def _add_penalty(self, variable: Any, penalty: Callable[[Any], Any]) -> None:
        self.add_loss(lambda: penalty(variable))

    def _remove_penalty(self, variable: Any) -> None:
        """Nothing: the penalty is a loss of the wrapper and goes with it."""


def _exchange(parent: Any, name: str, value: Any, old: Any, new: Any) -> None:
    # An attribute that is set anew goes to the end of the layers, and its weights with it.
    before, order = getattr(parent, name), list(parent._self_tracked_trackables)
    setattr(parent, name, value)
    after, now = getattr(parent, name), parent._self_tracked_trackables
    places = [after if one is before else one for one in order]
    now.sort(key=lambda one: next((i for i, p in enumerate(places) if p is one), len(places)))


def _clone_model(model: Any, clone_function: Callable[[Any], Any]) -> Any:
    # `clone_model` takes what an attribute leads to for a layer of the graph, and by its name.
    tracked, called = model._self_tracked_trackables, called_layers(model)
    of_graph = [one for one in tracked if not called or id(one) in called]
    vars(model)["_self_tracked_trackables"] = of_graph
    try:
        return tf_keras.models.clone_model(model, clone_function=clone_function)
    finally:
        vars(model)["_self_tracked_trackables"] = tracked


BINDING = Binding(
    layer_class=tf_keras.layers.Layer,
    model_class=tf_keras.Model,
    wrapper_class=PruneBlock,
    clone_model=_clone_model,
    exchange=_exchange,
    custom_object_scope=tf_keras.saving.custom_object_scope,
    tracked_layers=lambda model: model._self_tracked_trackables,
)
