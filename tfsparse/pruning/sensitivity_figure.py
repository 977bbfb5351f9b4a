"""Draws what `sensitivity` has found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

_NAME_WIDTH = 0.085
_LABELS = {
    "sparsity": "sparsity of the one kernel, %",
    "speedup": "predicted speed-up of the model by the one kernel",
}


def sensitivity_figure(
    curves: Mapping[tuple[str, str], Sequence[tuple[float, float]]],
    metric: str,
    baseline: float,
    against: str,
    origin: float,
) -> Any:
    """A curve for each kernel, a panel for each pattern.

    Args:
        curves: For a kernel and a pattern points: sparsity or speed-up, and the metric.
        metric: Name of the metric.
        baseline: The metric with nothing pruned.
        against: ``"sparsity"`` or ``"speedup"``.
        origin: Sparsity or speed-up with nothing pruned.

    Raises:
        ImportError: If Matplotlib is not installed.
    """
    try:
        from matplotlib import colormaps
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ImportError(
            "`plot` should be called where Matplotlib is installed (`pip install matplotlib`). "
            "Received: an environment without it"
        ) from error
    kernels = list(dict.fromkeys(kernel for kernel, _ in curves))
    patterns = list(dict.fromkeys(pattern for _, pattern in curves))
    names = _NAME_WIDTH * max(map(len, kernels)) + 0.8
    height = max(3.5, 0.19 * len(kernels) + 0.9)
    figure = Figure(figsize=(4.5 * len(patterns) + names, height), layout="constrained")
    panels = figure.subplots(1, len(patterns), sharey=True, squeeze=False)[0]
    # Dashes tell neighbours apart where there are more kernels than colours.
    styles = ("-", "--", ":")
    colours = [colormaps["tab10"](number) for number in range(10)]
    scale = 100.0 if against == "sparsity" else 1.0
    for panel, pattern in zip(panels, patterns, strict=True):
        for number, kernel in enumerate(kernels):
            points = sorted([(origin, baseline), *curves.get((kernel, pattern), [])])
            panel.plot(
                [scale * place for place, _ in points],
                [value for _, value in points],
                styles[number // len(colours) % len(styles)],
                marker=".",
                color=colours[number % len(colours)],
                label=kernel,
            )
        panel.axhline(baseline, color="0.7", linewidth=0.8, zorder=0)
        panel.set_title(pattern)
        panel.set_xlabel(_LABELS[against])
        panel.grid(alpha=0.3)
    panels[0].set_ylabel(metric)
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside right upper", fontsize="small", frameon=False)
    return figure
