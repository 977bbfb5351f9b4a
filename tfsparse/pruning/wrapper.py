"""The wrapper around a layer: the part that both versions of Keras share.

The wrapper owns every prunable kernel found in its layer, one mask variable for
each, and a clock. It carries the name, the dtype policy and the masking
behaviour of the layer, so a model with it has the same layer names and
computes in the same precision. `keras3.py` and `tf_keras.py` join this body
with the `Wrapper` of their Keras and fill in the two methods below that differ.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from tfsparse.pattern import BlockPattern, Pattern, parse_pattern
from tfsparse.pruning.clock import Clock
from tfsparse.pruning.criterion import get_criterion
from tfsparse.pruning.group_lasso import group_lasso as group_lasso_penalty
from tfsparse.pruning.prunable import PrunableKernel, find_kernels, refusal
from tfsparse.pruning.pruned_kernel import MaskConstraint, PrunedKernel
from tfsparse.pruning.pruning_state import PruningState
from tfsparse.pruning.schedule_adapter import as_schedule
from tfsparse.pruning.schedules import deserialize_schedule, serialize_schedule


class PruneBlockMixin:
    """Body of the `PruneBlock` wrapper.

    Args:
        layer: The layer to prune.
        pattern: Block pattern, as in `prune_block`.
        schedule: Schedule, as in `prune_block`.
        group_lasso: Strength of the group lasso.
        criterion: Name of the criterion.
        **kwargs: Arguments of the Keras layer.

    Raises:
        ValueError: If the layer cannot be pruned, or an argument is wrong.
    """

    layer: Any
    name: str
    built: bool
    constraint_class: type[MaskConstraint] = MaskConstraint

    def __init__(
        self,
        layer: Any,
        pattern: str | Pattern = "4x1",
        schedule: Any = 0.9,
        group_lasso: float = 0.0,
        criterion: str = "l2_norm",
        **kwargs: Any,
    ) -> None:
        if (reason := refusal(layer)) is not None:
            raise ValueError(
                f"`layer` should be a layer that can be pruned. Received: layer={layer.name!r} "
                f"of type {type(layer).__name__} ({reason})"
            )
        if isinstance(group_lasso, bool) or not 0.0 <= group_lasso < float("inf"):
            raise ValueError(
                f"`group_lasso` should be at least 0. Received: group_lasso={group_lasso!r}"
            )
        self.pattern = check_pattern(pattern)
        self.schedule = as_schedule(schedule)
        self.group_lasso = float(group_lasso)
        self.criterion = criterion
        get_criterion(criterion)
        self.pruning: PruningState | None = None
        kwargs.setdefault("name", layer.name)
        kwargs.setdefault("dtype", layer.dtype_policy)
        kwargs.setdefault("trainable", layer.trainable)
        super().__init__(layer, **kwargs)  # type: ignore[call-arg]
        self.supports_masking = layer.supports_masking
        self.input_spec = layer.input_spec

    def _set_constraint(self, variable: Any, constraint: Callable[[Any], Any]) -> None:
        """Sets the constraint of a variable."""
        raise NotImplementedError

    def _add_penalty(self, variable: Any, penalty: Callable[[Any], Any]) -> None:
        """Adds ``penalty(variable)`` to the loss, once however often the layer is called."""
        raise NotImplementedError

    def build(self, input_shape: Any = None) -> None:
        """Builds the layer, the masks and the clock."""
        super().build(input_shape)  # type: ignore[misc]
        kernels = [self._prune(kernel) for kernel in find_kernels(self.layer)]
        clock = self._add_state("pruning_clock", Clock.SHAPE, "int64", "zeros")
        self.pruning = PruningState(kernels, self.schedule, Clock(clock))
        self.input_spec = self.layer.input_spec
        self.built = True

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        """Calls the layer, which reads its kernels through their masks."""
        accepted = inspect.signature(self.layer.call).parameters
        arguments = {"training": training} if "training" in accepted else {}
        with self.pruning.read_through_masks():  # type: ignore[union-attr]
            return self.layer(inputs, **arguments)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Output shape of the layer."""
        return self.layer.compute_output_shape(input_shape)

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        """Output mask of the layer."""
        return self.layer.compute_mask(inputs, mask)

    def get_config(self) -> dict[str, Any]:
        """Arguments that make an equal wrapper, the layer included."""
        return {
            **super().get_config(),  # type: ignore[misc]
            "pattern": str(self.pattern),
            "schedule": serialize_schedule(self.schedule),
            "group_lasso": self.group_lasso,
            "criterion": self.criterion,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> Any:
        """The inverse of `get_config`."""
        config = {**config, "schedule": deserialize_schedule(config["schedule"])}
        return super().from_config(config, custom_objects=custom_objects)  # type: ignore[misc]

    def _prune(self, found: PrunableKernel) -> PrunedKernel:
        own = found.owner is self.layer
        name = "pruning_mask" if own else f"{found.owner.name}_pruning_mask"
        grid = self.pattern.grid(found.view.matrix_shape)
        mask = self._add_state(name, grid, "bool", "ones")
        criterion = get_criterion(self.criterion)
        kernel = PrunedKernel(found, mask, self.pattern, criterion, self.constraint_class)
        self._set_constraint(found.variable, kernel.constraint)
        if self.group_lasso:
            self._add_penalty(
                found.variable,
                lambda w: group_lasso_penalty(w, found.view, self.pattern, self.group_lasso),
            )
        return kernel

    def _add_state(self, name: str, shape: tuple[int, ...], dtype: str, initializer: str) -> Any:
        variable = self.add_weight(  # type: ignore[attr-defined]
            name=name, shape=shape, dtype=dtype, initializer=initializer, trainable=False
        )
        # TensorFlow checkpoints find the variables of a Keras 3 layer by attribute.
        setattr(self, name, variable)
        return variable


def check_pattern(pattern: str | Pattern) -> BlockPattern:
    """Reads the `pattern` argument of pruning.

    Raises:
        ValueError: If it is not a block pattern.
    """
    parsed = parse_pattern(pattern)
    if not isinstance(parsed, BlockPattern):
        raise ValueError(
            "`pattern` should be a block pattern such as '4x1'; patterns that keep K of N inputs "
            f"cannot be trained yet. Received: pattern={pattern!r}"
        )
    return parsed
