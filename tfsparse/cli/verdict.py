"""The answer to "how much faster, and what holds it back", in a sentence or two."""

from __future__ import annotations

from collections.abc import Sequence

from tfsparse.cli.layer_times import LayerTimes
from tfsparse.conversion.inspecting import InspectedLayer, Inspection

_MUCH = 0.1
"""A share of what remains that is worth naming."""


def verdict(found: Inspection, times: LayerTimes | None) -> str:
    """The last line of `tfsparse inspect`."""
    if not found.layers:
        ours = " that is not in our ops already" if found.ours else ""
        return f"There is no product and no convolution by constant weights{ours}: nothing to gain."
    if not any(each.converts for each in found.layers):
        return f"Nothing would be converted to {found.precision}. {_what_holds(found, times)}"
    where = f"in {found.precision} on {found.target}, batch {found.batch_size}"
    if times is None:
        text = f"The products would run {found.speedup:.1f} times as fast {where}, as predicted"
    else:
        after = _ms_after(found.layers, times)
        gain = times.total / after if after else 1.0
        inside = sum(times.layers.values()) / times.total if times.total else 0.0
        text = (
            f"The model would run {gain:.1f} times as fast {where}, as predicted: {inside:.0%} of "
            f"its time is in products, and those would run {_gain(found.layers, times):.1f} times "
            "as fast"
        )
    return f"{text}. {_what_holds(found, times)}"


def _ms_after(layers: Sequence[InspectedLayer], times: LayerTimes) -> float:
    inside = sum(_after(each, times.of(each) or 0.0) for each in layers)
    return inside + sum(times.others.values())


def _gain(layers: Sequence[InspectedLayer], times: LayerTimes) -> float:
    before = sum(times.layers.values())
    after = sum(_after(each, times.of(each) or 0.0) for each in layers)
    return before / after if after else 1.0


def _after(layer: InspectedLayer, ms: float) -> float:
    return ms / layer.speedup if layer.converts and layer.speedup else ms


def _what_holds(found: Inspection, times: LayerTimes | None) -> str:
    """What takes most of the time that remains."""
    remaining: list[tuple[float, str]] = []
    for each in found.layers:
        cost = each.cost_after if times is None else _after(each, times.of(each) or 0.0)
        remaining.append((cost, _why(each)))
    if times is not None:
        remaining += [
            (ms, f"{op}, which is no product by constant weights")
            for op, ms in times.others.items()
        ]
    total = sum(cost for cost, _ in remaining)
    worst = sorted(remaining, key=lambda each: -each[0])[:2]
    named = [
        f"{why} ({cost / total:.0%} of the rest)" for cost, why in worst if cost > _MUCH * total
    ]
    return (
        f"What holds it back: {'; '.join(named)}." if named and total else "Nothing holds it back."
    )


def _why(layer: InspectedLayer) -> str:
    if not layer.converts:
        return f"{layer.layer!r}, which stays: {layer.reason}"
    zeros = layer.zeros or 0.0
    return f"{layer.layer!r} with {zeros:.0%} zeros"
