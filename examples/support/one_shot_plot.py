"""Draws what pruning without training costs: points lost against zeros, by pattern."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

Curve = Sequence[tuple[float, Sequence[float]]]
"""Share of zeros, and the points lost with each seed."""

LINEAR = 1.0
"""Points up to which the axis of losses is linear; beyond, it is logarithmic."""


def plot(panels: Mapping[str, Mapping[str, Curve]], path: Path) -> None:
    """Writes the picture, in the same bytes for the same results.

    Args:
        panels: For a title (task and pattern) curves by method.
        path: An SVG file.
    """
    import matplotlib as mpl
    from matplotlib.figure import Figure

    columns = min(4, len(panels))
    rows = -(-len(panels) // columns)
    methods = list(dict.fromkeys(method for curves in panels.values() for method in curves))
    lines = 1 + -(-len(methods) // columns)
    with mpl.rc_context({"svg.hashsalt": "tfsparse", "svg.fonttype": "none"}):
        figure = Figure(figsize=(3.1 * columns, 2.8 * rows + 0.25 * lines), layout="constrained")
        axes = figure.subplots(rows, columns, sharey=True, squeeze=False).ravel()
        for axis, (title, curves) in zip(axes, panels.items(), strict=False):
            for method, curve in curves.items():
                places, lost = zip(*sorted(curve), strict=True)
                axis.errorbar(
                    [100 * place for place in places],
                    [np.mean(one) for one in lost],
                    [np.std(one, ddof=1) if len(one) > 1 else 0.0 for one in lost],
                    color=f"C{methods.index(method)}",
                    marker=".",
                    label=method,
                )
            axis.set_yscale("symlog", linthresh=LINEAR)
            axis.set_title(title, fontsize="medium")
            axis.set_xlabel("zeros, %")
            axis.grid(alpha=0.3)
        for axis in axes[len(panels) :]:
            axis.remove()
        axes[0].set_ylabel("points of accuracy lost")
        handles, labels = axes[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=columns)
        figure.savefig(path, metadata={"Date": None})
