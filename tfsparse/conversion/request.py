"""What the user asks of a conversion as a whole."""

from __future__ import annotations

import dataclasses
from typing import Any, Literal

from tfsparse.conversion.ranges import CalibrationMethod
from tfsparse.conversion.tables import TablePrecision

Activations = Literal["calibrated", "dynamic"]

Ops = Literal["tfsparse", "tensorflow"]


@dataclasses.dataclass(frozen=True)
class Request:
    """What the user asks for besides the `Options` of every layer.

    Attributes:
        auto: Whether each layer gets a precision of its own.
        max_error: Error that a precision may add to a layer's result, with `auto`.
        activations: Where ranges of INT8 activations come from.
        data: The calibration data.
        method: How ranges are made of them.
        batches: The most batches to read.
        ops: Whose ops the layers are written in.
        embeddings: What tables become that an interaction looks up in; None leaves them.
    """

    auto: bool = False
    max_error: float = 0.01
    activations: Activations = "calibrated"
    data: Any = None
    method: CalibrationMethod = "minmax"
    batches: int | None = None
    ops: Ops = "tfsparse"
    embeddings: TablePrecision | None = None
