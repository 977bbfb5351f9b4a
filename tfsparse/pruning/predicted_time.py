"""How long a model takes once it is converted: what training has to know to reach a speed-up.

Only conversion can tell, which training does not know. The public index gives it the function, as
the two meet there (`predict_with`).
"""

from __future__ import annotations

import dataclasses
import math
import numbers
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from tfsparse.pattern import BlockPattern, Pattern


class Layer(Protocol):
    """A product or convolution of a model."""

    @property
    def layer(self) -> str:
        """Its name, as the path of a layer in the model."""

    @property
    def dense(self) -> float:
        """Predicted time as TensorFlow runs it in float32."""

    def time(self, pattern: Pattern, sparsity: float) -> float:
        """Predicted time after a conversion with these zeros."""


_UNSTRUCTURED = BlockPattern(1, 1)

Predictor = Callable[..., Sequence[Layer]]
_PREDICTORS: list[Predictor] = []


def predict_with(predictor: Predictor) -> None:
    """Says what predicts the times of layers.

    Args:
        predictor: Called with a model, and by name `precision`, `batch_size` and `target`.
    """
    _PREDICTORS[:] = [predictor]


@dataclasses.dataclass(frozen=True)
class Speedup:
    """How much faster a model is to become, and in which use of it.

    Times are predicted by the cost model by which `tfsparse.export` decides. They are those of
    products and convolutions together, without what else the model does. Sequences of open length
    count as 1, images of open size as 14 by 14.

    Args:
        factor: Time of the model as it is, in TensorFlow's float32, over that of the
            pruned and converted model.
        precision: What it will be exported in: ``"fp32"``, ``"bf16"`` or ``"int8"``.
        batch_size: Examples of a call.
        target: The processor that will serve, as in `tfsparse.export`; by default this machine's.

    Raises:
        ValueError: If a number is wrong; where it is used, if the precision or target is unknown.

    Example:

    >>> tfsparse.Speedup(3.0, precision="int8", batch_size=1).factor
    3.0
    """

    factor: float
    precision: str = "fp32"
    batch_size: int = 32
    target: str | None = None

    def __post_init__(self) -> None:
        real = isinstance(self.factor, numbers.Real) and not isinstance(self.factor, bool)
        if not real or not 1.0 < self.factor < math.inf:
            raise ValueError(
                f"`speedup` should be a number greater than 1. Received: speedup={self.factor!r}"
            )
        if not isinstance(self.batch_size, int) or self.batch_size < 1:
            raise ValueError(
                "`batch_size` of a speed-up should be a positive integer. "
                f"Received: batch_size={self.batch_size!r}"
            )


def as_speedup(speedup: float | Speedup) -> Speedup:
    """Reads a `speedup` argument: a number, or a `Speedup`."""
    return speedup if isinstance(speedup, Speedup) else Speedup(speedup)


class PredictedTimes:
    """Times of the kernels of a model.

    Args:
        model: A dense model of Keras 3 or tf_keras that can be exported.
        use: How it will be used.

    Raises:
        ValueError: If it cannot be exported.
    """

    def __init__(self, model: Any, use: Speedup) -> None:
        if not callable(getattr(model, "export", None)):
            raise ValueError(
                "`model` should be a model that can be exported where times are predicted. "
                f"Received: {model.name!r} of type {type(model).__name__}"
            )
        self._layers: dict[str, list[Layer]] = {}
        for layer in _PREDICTORS[0](
            model, precision=use.precision, batch_size=use.batch_size, target=use.target
        ):
            self._layers.setdefault(layer.layer, []).append(layer)

    @property
    def total(self) -> float:
        """Time of all kernels as TensorFlow runs them, in the unit of the cost model."""
        return sum(layer.dense for layers in self._layers.values() for layer in layers)

    @property
    def converted(self) -> float:
        """Time of all kernels after a conversion that finds no zeros."""
        return sum(self.of(path, None) for path in self._layers)

    def speedup_by(self, path: str, pattern: Pattern, sparsity: float) -> float:
        """Speed-up of all kernels together if one of them has zeros."""
        without = self.converted - self.of(path, None)
        return self.total / (without + self.of(path, pattern, sparsity))

    def of(self, path: str, pattern: Pattern | None, sparsity: float = 0.0) -> float:
        """Time of a kernel after a conversion.

        Args:
            path: Path of its layer in the model. One that conversion did not find takes no time.
            pattern: Pattern of its zeros; None if it has none.
            sparsity: Share of them.
        """
        layers = self._layers.get(path, [])
        if pattern is None:
            pattern, sparsity = _UNSTRUCTURED, 0.0
        return sum(layer.time(pattern, sparsity) for layer in layers)
