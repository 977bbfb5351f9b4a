"""Decides per layer: block shape and precision, or why it stays dense.

"Never slower" is decided here: a layer is converted only where the cost model predicts a
gain (or a measurement on this machine shows one), unless the user says otherwise by name. The
predicted time counts float32 activations on both sides, so what neighbouring layers save by
passing uint8 on comes on top.

Memory: a plan holds packed weights, and those only if its layer is converted. The dense
weights are looked up for one layer at a time.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping

import numpy as np
import tensorflow as tf

from tfsparse.conversion.block_choice import CANDIDATES, BlockChoice, choose_block
from tfsparse.conversion.dense_layer import DenseLayer, Unmatched
from tfsparse.conversion.layer_name import is_named
from tfsparse.conversion.packed import DepthwiseWeights, PackedStore, PackedWeights
from tfsparse.conversion.quantization import fits_accumulator, quantize_weights
from tfsparse.conversion.targets import DEFAULT_TARGET, Precision, Target
from tfsparse.conversion.tuning import measure
from tfsparse.ops import BlockSparseMatrix
from tfsparse.pattern import BlockPattern, parse_pattern

MIN_SPEEDUP = 1.1
"""A smaller predicted gain is within the error of the prediction, and could be a loss."""

MIN_SPEEDUP_BEFORE_UINT8 = 0.4
"""The same for an INT8 layer whose result only INT8 layers read: what they and it save where they
pass uint8 on is not in the prediction."""

SKIP, CONVERT = "skip", "convert"

Override = str | BlockPattern
"""What the user says of a layer: `SKIP`, `CONVERT`, or a block shape."""


@dataclasses.dataclass(frozen=True)
class Options:
    """What all layers of a conversion have in common.

    Attributes:
        precision: The precision asked for.
        batch_size: Examples per call to expect where the graph leaves it open.
        overrides: Layer name, whole or its last part, to the user's word on it.
        target: The processor that will serve.
        tune: Whether candidates are timed on this machine.
    """

    precision: Precision
    batch_size: int = 32
    overrides: Mapping[str, Override] = dataclasses.field(default_factory=dict)
    target: Target = DEFAULT_TARGET
    tune: bool = False

    def override(self, layer: str) -> Override | None:
        """The user's word on a layer: the one that names it most exactly, or None."""
        names = [name for name in self.overrides if is_named(layer, name)]
        return self.overrides[max(names, key=len)] if names else None


@dataclasses.dataclass(frozen=True, eq=False)
class Plan:
    """What will become of a layer.

    Attributes:
        layer: The layer.
        precision: ``"fp32"``, ``"bf16"`` or ``"int8"``.
        choice: Block shape and predicted speed-up; None where the layer cannot be converted.
        reason: Why it is converted, or why not.
        zeros: Share of zeros among the weights.
        packed: The packed weights, or those of a depthwise convolution; None where the layer
            stays.
        error: Error that the precision adds to the layer's result on the calibration
            data, relative to the result; None where it was not measured.
    """

    layer: DenseLayer
    precision: Precision
    choice: BlockChoice | None
    reason: str
    zeros: float | None
    packed: PackedWeights | DepthwiseWeights | None
    error: float | None = None

    @property
    def convert(self) -> bool:
        """Whether the layer will be replaced."""
        return self.packed is not None


def check_overrides(
    overrides: Mapping[str, Override], layers: Iterable[DenseLayer], stayed: Iterable[Unmatched]
) -> None:
    """Checks that overrides name layers that exist and say something that can be done.

    Raises:
        ValueError: If a name is unknown or is that of a layer that cannot be converted, or a value
            is not ``"skip"``, ``"convert"`` or a block shape.
    """
    layers = list(layers)
    found = {layer.name: layer.problem for layer in layers}
    known = sorted(name for name, problem in found.items() if problem is None)
    reasons = {each.name: each.reason for each in stayed}
    reasons |= {name: problem for name, problem in found.items() if problem is not None}
    for name, value in overrides.items():
        convertible = any(is_named(layer, name) for layer in known)
        reason = next((reasons[layer] for layer in reasons if is_named(layer, name)), None)
        if value != SKIP and not convertible and reason is not None:
            raise ValueError(
                f"`overrides` should name layers that can be converted: {known}. "
                f"Received: {name!r}, which stays as it is: {reason}"
            )
        if not convertible and reason is None:
            raise ValueError(
                f"`overrides` should name layers of the model: {known}. Received: {name!r}"
            )
        if value not in (SKIP, CONVERT) and _block(value) is None:
            raise ValueError(
                "`overrides` should hold 'skip', 'convert' or a block shape such as '16x4'. "
                f"Received: overrides[{name!r}]={value!r}"
            )
    for layer in layers:
        block = _block(overrides.get(layer.name, CONVERT))
        if block is not None and not layer.takes(block):
            raise ValueError(
                "`overrides` should hold a block whose height divides the filters of a group. "
                f"Received: overrides[{layer.name!r}]={str(block)!r} for "
                f"{layer.geometry.groups if layer.geometry else 1} groups of "
                f"{layer.weights.shape[0]} filters"
            )


class Planner:
    """Plans layers, with what it packs put into one store.

    Args:
        options: What all layers have in common.
        store: Where packed weights go.
    """

    def __init__(self, options: Options, store: PackedStore) -> None:
        self._options = options
        self._store = store

    @property
    def measures(self) -> bool:
        """Whether layers without an override are timed."""
        return self._options.tune

    def plan(self, layer: DenseLayer, precision: Precision | None = None) -> Plan:
        """Decides what becomes of a layer.

        Args:
            layer: The layer.
            precision: The precision to plan for; that of the options if none is given. A layer
                that INT8 cannot hold or would not speed up is converted in fp32 if that pays.
        """
        wanted = self._options.precision if precision is None else precision
        return self._plan(layer, wanted, MIN_SPEEDUP)

    def plan_before_uint8(self, layer: DenseLayer) -> Plan:
        """Decides what becomes of a layer whose result only INT8 layers read."""
        plan = self._plan(layer, "int8", MIN_SPEEDUP_BEFORE_UINT8)
        if not plan.convert or self._options.override(layer.name) is not None:
            return plan
        return dataclasses.replace(plan, reason="lets its readers take uint8")

    def plan_depthwise(self, layer: DenseLayer) -> Plan:
        """Decides what becomes of a depthwise convolution whose result INT8 layers read."""
        matrix = layer.weights.matrix()
        zeros = 1.0 - np.count_nonzero(matrix) / matrix.size
        plan = Plan(layer, "int8", None, "lets its readers take uint8", zeros, None)
        skipped = self._options.override(layer.name) == SKIP
        if skipped or layer.problem is not None or not np.isfinite(matrix).all():
            return plan
        quantized, scale = quantize_weights(matrix)
        if not fits_accumulator(quantized):
            return plan
        return dataclasses.replace(plan, packed=DepthwiseWeights(quantized, scale))

    def plan_in_chain(self, layer: DenseLayer, precision: Precision, joined: int) -> Plan:
        """Decides what becomes of a layer beside others that will be in one op with it.

        Args:
            layer: The layer.
            precision: Theirs.
            joined: How many of its inputs and outputs they give and take.
        """
        plan = self._plan(layer, precision, MIN_SPEEDUP, joined)
        if not plan.convert or plan.precision != precision:
            return dataclasses.replace(plan, packed=None)
        return dataclasses.replace(plan, reason="runs in one op with its neighbours")

    def _plan(self, layer: DenseLayer, wanted: Precision, least: float, joined: int = 0) -> Plan:
        override = self._options.override(layer.name)
        if layer.problem is not None:
            return Plan(layer, wanted, None, layer.problem, None, None)
        matrix = layer.weights.matrix()
        zeros = 1.0 - np.count_nonzero(matrix) / matrix.size
        if not np.isfinite(matrix).all():
            if override not in (None, SKIP):
                check_overrides({layer.name: override or CONVERT}, [], [_not_finite(layer)])
            return Plan(layer, wanted, None, _not_finite(layer).reason, zeros, None)
        return self._in_precision(layer, matrix, wanted, override, zeros, least, joined)

    def settle(self, plan: Plan) -> None:
        """Forgets what was packed for plans of a layer that this one was compared with."""
        if not isinstance(plan.packed, DepthwiseWeights):
            self._store.settle(plan.packed)

    def _in_precision(
        self,
        layer: DenseLayer,
        matrix: np.ndarray,
        precision: Precision,
        override: Override | None,
        zeros: float,
        least: float,
        joined: int = 0,
    ) -> Plan:
        if precision != "int8":
            stored = matrix
            if precision == "bf16":
                stored = _in_bf16(matrix)
                if not np.isfinite(stored.astype(np.float32)).all():
                    return self._instead(
                        layer, matrix, override, zeros, "bf16 would turn its weights into Inf"
                    )
            return self._decided(layer, precision, stored, None, override, zeros, least, joined)
        quantized, scale = quantize_weights(matrix)
        if not fits_accumulator(quantized):
            reason = "int8 sums could exceed 32 bits"
            return self._instead(layer, matrix, override, zeros, reason)
        plan = self._decided(layer, "int8", quantized, scale, override, zeros, least, joined)
        if plan.convert or override is not None or joined:
            return plan
        other = self._in_precision(layer, matrix, "fp32", None, zeros, MIN_SPEEDUP)
        if not other.convert:
            return plan
        return dataclasses.replace(other, reason="predicted faster in fp32; not in int8")

    def _instead(
        self,
        layer: DenseLayer,
        matrix: np.ndarray,
        override: Override | None,
        zeros: float,
        why: str,
    ) -> Plan:
        """The plan for fp32, where another precision cannot hold a layer."""
        plan = self._in_precision(layer, matrix, "fp32", override, zeros, MIN_SPEEDUP)
        return dataclasses.replace(plan, reason=f"{plan.reason}; {why}")

    def _decided(
        self,
        layer: DenseLayer,
        precision: Precision,
        matrix: np.ndarray,
        scale: np.ndarray | None,
        override: Override | None,
        zeros: float,
        least: float,
        joined: int,
    ) -> Plan:
        block = None if override is None else _block(override)
        candidates = (
            [each for each in CANDIDATES if layer.takes(each)] if block is None else [block]
        )
        rows = layer.rows(self._options.batch_size)
        target = self._options.target
        geometry = layer.geometry
        choice = choose_block(matrix, precision, rows, candidates, target, geometry, joined)
        if self._options.tune and override is None and not joined:
            choice = measure(layer, matrix, scale, rows, choice, candidates)
        convert, reason = _decide(choice, override, self._options.tune, least)
        packed = self._pack(layer, precision, matrix, scale, choice) if convert else None
        return Plan(layer, precision, choice, reason, zeros, packed)

    def _pack(
        self,
        layer: DenseLayer,
        precision: Precision,
        matrix: np.ndarray,
        scale: np.ndarray | None,
        choice: BlockChoice,
    ) -> PackedWeights:
        key = (layer.weights.identity, precision, str(choice.block))
        known = self._store.get(*key)
        if known is not None:
            return known
        packed = BlockSparseMatrix.from_dense(matrix, choice.block)
        return self._store.add(key, packed, scale, layer.name)


def _in_bf16(matrix: np.ndarray) -> np.ndarray:
    """To the nearest, half to even; the largest floats become Inf."""
    with np.errstate(over="ignore"):
        return matrix.astype(tf.bfloat16.as_numpy_dtype)


def _not_finite(layer: DenseLayer) -> Unmatched:
    return Unmatched(layer.name, layer.graph, layer.product, "its weights hold NaN or Inf")


def _decide(
    choice: BlockChoice, override: Override | None, tuned: bool, least: float
) -> tuple[bool, str]:
    known = "measured" if tuned and override is None else "predicted"
    if override == SKIP:
        return False, "skipped by `overrides`"
    if override is not None:
        return True, "converted by `overrides`"
    if choice.speedup >= least:
        return True, f"{known} faster"
    return False, f"{known} no faster: {choice.speedup:.2f}x at best, as {choice.block}"


def _block(value: Override) -> BlockPattern | None:
    """The block shape that an override names; None for a word or anything else."""
    try:
        pattern = parse_pattern(value)
    except ValueError:
        return None
    return pattern if isinstance(pattern, BlockPattern) else None
