"""Plans the layers of a function: in one precision, or each in the fastest that is good enough."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Sequence

from tfsparse.conversion.dense_layer import DenseLayer
from tfsparse.conversion.graph_view import Views
from tfsparse.conversion.layer_error import layer_error
from tfsparse.conversion.packed import PackedWeights
from tfsparse.conversion.passes.join_chains import join_chains
from tfsparse.conversion.passes.keep_uint8 import keep_uint8
from tfsparse.conversion.passes.quantize import Calibration
from tfsparse.conversion.planning import Plan, Planner
from tfsparse.conversion.quantization import LARGEST_SCALE, activation_params, scales_fit
from tfsparse.conversion.request import Request
from tfsparse.conversion.targets import Precision

Calibrate = Callable[[Sequence[DenseLayer]], Calibration]
"""Gives what the calibration data show of layers."""

_FASTEST_FIRST: tuple[Precision, ...] = ("int8", "bf16", "fp32")


def plan_all(
    layers: Sequence[DenseLayer],
    planner: Planner,
    calibrate: Calibrate,
    views: Views,
    passes_uint8: bool,
    depthwise: Sequence[DenseLayer] = (),
) -> tuple[list[Plan], Calibration]:
    """Plans layers in the precision that was asked for.

    Args:
        layers: The layers.
        planner: Plans a layer.
        calibrate: Called once, with the layers that become INT8.
        views: Views of their graphs.
        passes_uint8: Whether INT8 layers pass uint8 to each other.
        depthwise: Depthwise convolutions, which may pass uint8 on.

    Returns:
        A plan for each layer and, behind them, for each depthwise convolution that is converted,
        with its error where the data show it, and what they show.
    """
    plans = plan_by_cost(layers, planner, views, passes_uint8, depthwise)
    quantized = [plan.layer for plan in plans if plan.convert and plan.precision == "int8"]
    calibration = calibrate(quantized)
    plans = [_that_fits(plan, planner, calibration) for plan in plans]
    return [_with_error(plan, calibration) for plan in plans], calibration


def plan_by_cost(
    layers: Sequence[DenseLayer],
    planner: Planner,
    views: Views,
    passes_uint8: bool,
    depthwise: Sequence[DenseLayer] = (),
) -> list[Plan]:
    """What `plan_all` plans before it knows of the calibration data."""
    plans = [planner.plan(layer) for layer in layers]
    if passes_uint8:
        plans = keep_uint8(plans, planner, views, depthwise)
    if passes_uint8 or not any(plan.precision == "int8" for plan in plans):
        plans = join_chains(plans, planner, views)
    return plans


def choose_precisions(
    layers: Sequence[DenseLayer],
    planner: Planner,
    calibrate: Calibrate,
    request: Request,
    views: Views,
) -> tuple[list[Plan], Calibration]:
    """Plans each layer in the fastest precision whose error is small enough; see `plan_all`."""
    calibration = calibrate(layers)
    if request.activations == "dynamic":
        calibration.params = {}
    plans = []
    for layer in layers:
        plans.append(_best(layer, planner, calibration, request))
        planner.settle(plans[-1])
    if request.activations != "dynamic" or not any(plan.precision == "int8" for plan in plans):
        accepts = functools.partial(_is_exact_enough, planner, calibration, request)
        plans = join_chains(plans, planner, views, accepts)
    return [_with_error(plan, calibration) for plan in plans], calibration


def _best(layer: DenseLayer, planner: Planner, calibration: Calibration, request: Request) -> Plan:
    """The fastest plan whose precision is measured to add no more than the allowed error."""
    plans = [planner.plan(layer, precision) for precision in _FASTEST_FIRST]
    wanted = [_that_fits(plan, planner, calibration) for plan in plans if plan.convert]
    wanted.sort(key=lambda plan: -(plan.choice.speedup if plan.choice is not None else 0))
    reason = plans[-1].reason
    for plan in wanted:
        measured = _with_error(plan, calibration)
        allowed = measured.error is not None and measured.error <= request.max_error
        if plan.precision == "fp32" or allowed:
            return measured
        if plan is wanted[0]:
            exceeds = f"its error would exceed max_error={request.max_error}"
            unknown = "the calibration data do not show its error"
            reason = f"{unknown if measured.error is None else exceeds} in {plan.precision}"
    return dataclasses.replace(plans[-1], reason=reason, packed=None)


def _is_exact_enough(
    planner: Planner, calibration: Calibration, request: Request, plan: Plan
) -> bool:
    """Whether a plan is measured to add no more than the allowed error."""
    if plan.precision == "fp32":
        return True
    error = _with_error(plan, calibration).error
    fits = _that_fits(plan, planner, calibration) is plan
    return fits and error is not None and error <= request.max_error


def _that_fits(plan: Plan, planner: Planner, calibration: Calibration) -> Plan:
    """The plan, or one for fp32 where the scales of activations and weights overflow together."""
    if plan.packed is None or plan.packed.scale is None:
        return plan
    params = calibration.params.get((plan.layer.graph, plan.layer.x))
    if plan.layer.is_depthwise and (
        params is None or not scales_fit(params.scale, plan.packed.scale)
    ):
        return dataclasses.replace(plan, packed=None)
    # What is measured in each call may be anything.
    if scales_fit(LARGEST_SCALE if params is None else params.scale, plan.packed.scale):
        return plan
    other = planner.plan(plan.layer, "fp32")
    return dataclasses.replace(other, reason=f"{other.reason}; its int8 scales would overflow")


def _with_error(plan: Plan, calibration: Calibration) -> Plan:
    rows = calibration.samples.get(id(plan.layer))
    if not isinstance(plan.packed, PackedWeights) or plan.error is not None:
        return plan
    if rows is None or not len(rows):
        return plan
    params = calibration.params.get((plan.layer.graph, plan.layer.x))
    if params is None:  # The op measures the range when it runs.
        params = activation_params(float(rows.min()), float(rows.max()))
    error = layer_error(rows, plan.layer.weights, plan.packed, params)
    return dataclasses.replace(plan, error=error)
