"""Decides per dense layer: block shape and precision, or why it stays dense.

"Never slower" is decided here: a layer is converted only where the cost model predicts a
gain, unless the user says otherwise by name. The predicted time counts float32 activations on
both sides, so what neighbouring layers save by handing over u8 comes on top.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping

import numpy as np
import tensorflow as tf

from tfsparse.conversion.block_choice import CANDIDATES, BlockChoice, choose_block
from tfsparse.conversion.cost_model import Precision
from tfsparse.conversion.matching import DenseLayer
from tfsparse.conversion.quantization import fits_accumulator, quantize_weights
from tfsparse.pattern import BlockPattern, parse_pattern

LEAST_SPEEDUP = 1.1
"""A smaller predicted gain is within the error of the prediction, and could be a loss."""

SKIP, CONVERT = "skip", "convert"

Override = str | BlockPattern
"""What the user says of a layer: `SKIP`, `CONVERT`, or a block shape."""


@dataclasses.dataclass(frozen=True)
class Plan:
    """What will become of a layer.

    Attributes:
        layer: The layer.
        precision: ``"fp32"``, ``"bf16"`` or ``"int8"``.
        choice: Block shape and predicted speed-up.
        convert: Whether the layer will be replaced.
        reason: Why, or why not.
        matrix: The weights as they will be stored, shape ``(out, in)``.
        weight_scale: float32 scale per output channel; None but for int8.
    """

    layer: DenseLayer
    precision: Precision
    choice: BlockChoice
    convert: bool
    reason: str
    matrix: np.ndarray
    weight_scale: np.ndarray | None


def check_overrides(overrides: Mapping[str, Override], names: Iterable[str]) -> None:
    """Checks that overrides name layers that exist and say something that can be done.

    Raises:
        ValueError: If a name is unknown or a value is not ``"skip"``, ``"convert"`` or
            a block shape.
    """
    known = sorted(set(names))
    for name, value in overrides.items():
        if name not in known:
            raise ValueError(
                f"`overrides` should name dense layers of the model: {known}. Received: {name!r}"
            )
        if value not in (SKIP, CONVERT) and _block(value) is None:
            raise ValueError(
                "`overrides` should hold 'skip', 'convert' or a block shape such as '16x4'. "
                f"Received: overrides[{name!r}]={value!r}"
            )


def plan_layer(
    layer: DenseLayer, precision: Precision, batch_size: int, override: Override | None = None
) -> Plan:
    """Decides what becomes of a layer.

    Args:
        layer: The layer.
        precision: The precision asked for. A layer that INT8 cannot hold or would not
            speed up is converted in fp32 if that pays.
        batch_size: Examples per call to expect where the graph leaves it open.
        override: The user's word on this layer, if any.

    Returns:
        The plan.
    """
    if precision != "int8":
        stored = layer.weights
        if precision == "bf16":
            stored = stored.astype(tf.bfloat16.as_numpy_dtype)  # to nearest, half to even
        return _plan(layer, precision, stored, None, batch_size, override)
    matrix, scale = quantize_weights(layer.weights)
    if not fits_accumulator(matrix):
        plan = plan_layer(layer, "fp32", batch_size, override)
        return dataclasses.replace(plan, reason=f"{plan.reason}; int8 sums could exceed 32 bits")
    plan = _plan(layer, "int8", matrix, scale, batch_size, override)
    if plan.convert or override is not None:
        return plan
    other = plan_layer(layer, "fp32", batch_size)
    if not other.convert:
        return plan
    return dataclasses.replace(other, reason="predicted faster in fp32; not in int8")


def _plan(
    layer: DenseLayer,
    precision: Precision,
    matrix: np.ndarray,
    scale: np.ndarray | None,
    batch_size: int,
    override: Override | None,
) -> Plan:
    block = None if override is None else _block(override)
    candidates = CANDIDATES if block is None else [block]
    choice = choose_block(matrix, precision, layer.rows(batch_size), candidates)
    convert, reason = _decide(choice, override)
    return Plan(layer, precision, choice, convert, reason, matrix, scale)


def _decide(choice: BlockChoice, override: Override | None) -> tuple[bool, str]:
    if override == SKIP:
        return False, "skipped by `overrides`"
    if override is not None:
        return True, "converted by `overrides`"
    if choice.speedup >= LEAST_SPEEDUP:
        return True, "predicted faster"
    return False, f"predicted no faster: {choice.speedup:.2f}x at best, as {choice.block}"


def _block(value: Override) -> BlockPattern | None:
    """The block shape that an override names; None for a word or anything else."""
    try:
        pattern = parse_pattern(value)
    except ValueError:
        return None
    return pattern if isinstance(pattern, BlockPattern) else None
