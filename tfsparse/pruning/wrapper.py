"""The wrapper around a layer: the part that both versions of Keras share.

The wrapper owns every prunable kernel found in its layer, one mask variable for
each, and a clock. It carries the name, the dtype policy, the arguments and the
masking behaviour of the layer, so a model with it has the same layer names,
computes in the same precision, and calls it the same way. `keras3.py` and
`tf_keras.py` join this body with the `Wrapper` of their Keras and fill in the
methods below that differ.

Masks need kernels, so the layer is built before its wrapper is. A layer that
owns its kernel is built by its input's shape. A layer made of layers is called
on symbolic inputs: attention takes several inputs, and many layers create what
is inside them only when they are called.
"""

from __future__ import annotations

import inspect
import types
from collections.abc import Callable, Mapping
from typing import Any

import tensorflow as tf

from tfsparse.pattern import Pattern
from tfsparse.pruning.block_mask import mask_shape
from tfsparse.pruning.clock import Clock
from tfsparse.pruning.gradient_score import GradientScore
from tfsparse.pruning.group_lasso import penalty
from tfsparse.pruning.layer_rules import LayerRules, save_changes
from tfsparse.pruning.mask_constraint import MaskConstraint
from tfsparse.pruning.prunable import (
    PrunableKernel,
    find_kernels,
    is_kernel_owner,
    is_ready,
    is_unknown,
    refusal,
)
from tfsparse.pruning.pruned_kernel import PrunedKernel, call_for
from tfsparse.pruning.pruning_state import PruningState
from tfsparse.pruning.schedules import PruningSchedule
from tfsparse.pruning.settings import Settings


class _CallLikeLayer:
    """Makes `wrapper.call` take the arguments that the layer's `call` takes, and `training`.

    Both versions of Keras read the signature of `call` to decide what to pass:
    `training`, masks, which arguments are inputs.
    """

    def __get__(self, wrapper: Any, owner: type | None = None) -> Any:
        if wrapper is None:
            return self

        def call(self: Any, *args: Any, **kwargs: Any) -> Any:
            return self.call_as_wrapped(*args, **kwargs)

        own = inspect.Parameter("self", inspect.Parameter.POSITIONAL_OR_KEYWORD)
        inner = _with_training(inspect.signature(wrapper.layer.call))
        call.__signature__ = inner.replace(parameters=[own, *inner.parameters.values()])  # type: ignore[attr-defined]
        return types.MethodType(call, wrapper)


def _with_training(signature: inspect.Signature) -> inspect.Signature:
    """The signature with an argument `training`."""
    parameters = list(signature.parameters.values())
    if "training" in signature.parameters:
        return signature
    kinds = [parameter.kind for parameter in parameters]
    variadic = inspect.Parameter.VAR_POSITIONAL in kinds
    parameter = inspect.Parameter
    kind = parameter.KEYWORD_ONLY if variadic else parameter.POSITIONAL_OR_KEYWORD
    place = next((i for i, other in enumerate(kinds) if other > kind), len(kinds))
    parameters.insert(place, inspect.Parameter("training", kind, default=None))
    return signature.replace(parameters=parameters)


class PruneBlockMixin:
    """Body of the `PruneBlock` wrapper.

    Args:
        layer: The layer to prune.
        pattern: Pattern, as in `prune_block`.
        schedule: Schedule, as in `prune_block`.
        group_lasso: Group lasso, as in `prune_block`.
        criterion: Criterion, as in `prune_block`.
        scope: As in `prune_block`.
        regrow: As in `prune_block`.
        overrides: Settings of layers inside `layer`, by name or path, where "*"
            stands for anything; None leaves one as it is.
        **kwargs: Arguments of the Keras layer.

    Raises:
        ValueError: If the layer cannot be pruned, or an argument is wrong.
    """

    layer: Any
    name: str
    built: bool
    overrides: dict[str, Any]
    _arguments: tuple[tuple[Any, ...], dict[str, Any]] | None
    constraint_class: type[MaskConstraint] = MaskConstraint
    call = _CallLikeLayer()

    def __init__(
        self,
        layer: Any,
        pattern: str | Pattern = "4x1",
        schedule: Any = None,
        group_lasso: Any = 0.0,
        criterion: Any = "l2_norm",
        scope: Any = "local",
        regrow: bool = False,
        overrides: Mapping[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        if (reason := refusal(layer)) is not None and not is_unknown(layer):
            raise ValueError(
                f"`layer` should be a layer that can be pruned. Received: layer={layer.name!r} "
                f"of type {type(layer).__name__} ({reason})"
            )
        self.layer = layer
        self.settings = Settings.of(pattern, schedule, group_lasso, criterion, scope, regrow)
        self.pruning: PruningState | None = None
        # Past `__setattr__`, which puts containers of its own in the place of ours.
        vars(self)["overrides"] = {name: save_changes(o) for name, o in (overrides or {}).items()}
        vars(self)["_arguments"] = None
        kwargs.setdefault("name", layer.name)
        kwargs.setdefault("dtype", layer.dtype_policy)
        kwargs.setdefault("trainable", layer.trainable)
        super().__init__(layer, **kwargs)  # type: ignore[call-arg]
        self.supports_masking = layer.supports_masking
        self.input_spec = layer.input_spec

    @property
    def pattern(self) -> Pattern:
        """Pattern of the kernels without settings of their own."""
        return self.settings.pattern

    @property
    def schedule(self) -> PruningSchedule:
        """Schedule of the kernels without settings of their own."""
        return self.settings.schedule

    def _set_constraint(self, variable: Any, constraint: Callable[[Any], Any] | None) -> None:
        """Sets the constraint of a variable."""
        raise NotImplementedError

    def _add_penalty(self, variable: Any, penalty: Callable[[Any], Any]) -> None:
        """Adds ``penalty(variable)`` to the loss, once however often the layer is called."""
        raise NotImplementedError

    def _remove_penalty(self, variable: Any) -> None:
        """Takes back what `_add_penalty` did."""
        raise NotImplementedError

    def _add_accumulator(self, name: str, shape: tuple[int, ...]) -> Any:
        """Adds a float32 variable that each replica adds to by itself."""
        raise NotImplementedError

    def _symbolic_input(self, spec: tf.TensorSpec) -> Any:
        """A symbolic input for a tensor."""
        raise NotImplementedError

    def __getattr__(self, name: str) -> Any:
        """An attribute of the layer, where the wrapper has none of that name."""
        layer = vars(self).get("layer")
        if layer is None or name.startswith("_"):
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        return getattr(layer, name)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Calls the wrapper as the layer is called, building both at the first call."""
        if self.pruning is None and not is_kernel_owner(self.layer):
            vars(self)["_arguments"] = tf.nest.map_structure(_specify, (args, kwargs))
            self.build_like(self.layer)
            if self.built:  # said so by a loader, before there was a kernel
                self.build(None)
        return super().__call__(*args, **kwargs)  # type: ignore[misc]

    def build_like(self, layer: Any) -> None:
        """Builds a layer like the one inside, the way that one was built."""
        if is_ready(layer) or (is_kernel_owner(layer) and layer.built):
            return
        if self._arguments is not None:
            args, kwargs = tf.nest.map_structure(self._to_symbolic, self._arguments)
            layer(*args, **kwargs)
        elif config := self.layer.get_build_config():
            layer.build_from_config(config)

    def build(self, input_shape: Any = None) -> None:
        """Builds the layer, the masks and the clock."""
        if self.pruning is not None:
            return
        if is_kernel_owner(self.layer) or not is_ready(self.layer):
            super().build(input_shape)  # type: ignore[misc]
        kernels = self._prune_all()
        clock = self._add_state("pruning_clock", Clock.SHAPE, "int64", "zeros")
        self.pruning = PruningState(kernels, self.schedule, Clock(clock))
        self.input_spec = self.layer.input_spec
        self.built = True

    def get_build_config(self) -> dict[str, Any]:
        """What builds an equal wrapper without a call."""
        config = super().get_build_config() or {}  # type: ignore[misc]
        return {
            "input_shape": config.get("input_shape"),
            "layer": self.layer.get_build_config(),
        }

    def build_from_config(self, config: dict[str, Any]) -> None:
        """The inverse of `get_build_config`."""
        if config.get("layer") and not is_ready(self.layer):
            self.layer.build_from_config(config["layer"])
        shape = config.get("input_shape")
        if is_ready(self.layer) or (is_kernel_owner(self.layer) and shape is not None):
            self.build(shape)

    def load_own_variables(self, store: Any) -> None:
        """Loads masks and clock; weights files have them if the model was pruned."""
        if self.pruning is not None and not len(store.keys()):
            raise ValueError(
                "`filepath` should be a weights file of a model with the same wrappers; "
                "`tfsparse.load_weights` takes that of the model without them too. "
                f"Received: a file in which layer={self.name!r} is not wrapped"
            )
        super().load_own_variables(store)  # type: ignore[misc]

    def call_as_wrapped(self, *args: Any, **kwargs: Any) -> Any:
        """Calls the layer; kernels inside are read through their masks."""
        for kernel in self.pruning.kernels if self.pruning is not None else ():
            kernel.check_not_adapted()
        accepted = inspect.signature(self.layer.call)
        if "training" in accepted.parameters:
            training = accepted.bind_partial(*args, **kwargs).arguments.get("training")
        elif len(args) > len(accepted.parameters):  # tf_keras writes a SavedModel
            args, training = args[:-1], args[-1]
        else:
            training = kwargs.pop("training", None)
        # A tensor may be either, and then reading through the mask is right.
        with call_for(training is True):
            return self.layer(*args, **kwargs)

    def release(self) -> Any:
        """Gives the layer back as it was, but with zeros where its kernels are pruned.

        The wrapper is of no use after that.
        """
        for kernel in self.pruning.kernels if self.pruning is not None else ():
            kernel.apply()
            self._free(kernel)
        return self.layer

    def _free(self, kernel: PrunedKernel) -> None:
        """Takes back what `_prune` did to a kernel."""
        kernel.detach()
        self._set_constraint(kernel.variable, kernel.constraint.inner)
        self._remove_penalty(kernel.variable)

    def compute_output_shape(self, *args: Any, **kwargs: Any) -> Any:
        """Output shape of the layer."""
        return self.layer.compute_output_shape(*args, **kwargs)

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        """Output mask of the layer."""
        return self.layer.compute_mask(inputs, mask)

    def get_config(self) -> dict[str, Any]:
        """Arguments that make an equal wrapper, the layer included."""
        config = {**super().get_config(), **self.settings.get_config()}  # type: ignore[misc]
        return {**config, "overrides": self.overrides} if self.overrides else config

    def _to_symbolic(self, value: Any) -> Any:
        return self._symbolic_input(value) if isinstance(value, tf.TensorSpec) else value

    def _prune_all(self) -> list[PrunedKernel]:
        rules = LayerRules(self.settings, overrides=self.overrides)
        kernels: list[PrunedKernel] = []
        for found in find_kernels(self.layer):
            settings = rules.settings_inside(self.name, found.path)
            if settings is None:
                continue
            try:
                kernels.append(self._prune(found, settings))
            except Exception:
                for kernel in kernels:
                    self._free(kernel)
                raise
        if not kernels:
            raise ValueError(
                "`layer` should hold a kernel to prune once it is built. "
                f"Received: layer={self.name!r} of type {type(self.layer).__name__}"
            )
        return kernels

    def _prune(self, found: PrunableKernel, settings: Settings) -> PrunedKernel:
        own = found.owner is self.layer and found.path == self.layer.name
        name = "pruning_mask" if own else f"{found.path.replace('/', '_')}_pruning_mask"
        block = settings.pattern.flag_block(found.view.matrix_shape)
        shape = mask_shape(found.view, block)
        mask = self._add_state(name, shape, "bool", "ones")
        score = None
        if settings.criterion.memory is not None:
            gathered = self._add_accumulator(name.replace("mask", "score"), shape)
            score = GradientScore(
                gathered, block, found.view, settings.criterion.memory, found.path
            )
        lasso = settings.group_lasso

        def pull() -> Any:
            return lasso.pull(self.pruning is None or self.pruning.clock.before_target())

        kernel = PrunedKernel(found, mask, settings, self.constraint_class, score, pull)
        kernel.attach()
        self._set_constraint(found.variable, kernel.constraint)
        if lasso.strength and lasso.form == "penalty":
            self._add_penalty(found.variable, lambda w: penalty(w, found.view, block, pull()))
        return kernel

    def _add_state(self, name: str, shape: tuple[int, ...], dtype: str, initializer: str) -> Any:
        variable = self.add_weight(
            name=name, shape=shape, dtype=dtype, initializer=initializer, trainable=False
        )
        # TensorFlow checkpoints find the variables of a Keras 3 layer by attribute.
        setattr(self, name, variable)
        return variable


def _specify(value: Any) -> Any:
    """What is to be known of an argument to call a layer symbolically."""
    if hasattr(value, "shape") and hasattr(value, "dtype"):
        return tf.TensorSpec(value.shape, value.dtype)
    return value
