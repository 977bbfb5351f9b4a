"""A report drawn with Matplotlib, which is imported when it is asked for."""

from __future__ import annotations

import io
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tfsparse.pruning.report.kernel_sparsity import KernelSparsity
from tfsparse.pruning.report.mask_picture import COLOUR
from tfsparse.pruning.report.whole_file import write_whole

if TYPE_CHECKING:
    from tfsparse.pruning.report.sparsity_report import SparsityReport

_COLUMNS = 6
_WIDTH = 12.0
# Inches. Axes are placed one by one: a layout engine takes minutes for some hundred.
_EDGE, _ABOVE_BARS, _BELOW_BARS, _BAR, _CHARACTER = 0.3, 0.6, 0.7, 0.24, 0.085
_MASK_TITLE, _MASK_GAP = 0.45, 0.2
_MASK = (_WIDTH - 2 * _EDGE - (_COLUMNS - 1) * _MASK_GAP) / _COLUMNS
_MASK_COLOUR = (COLOUR[0] / 255, COLOUR[1] / 255, COLOUR[2] / 255)
_LONGEST_NAME = 40


def report_figure(report: SparsityReport) -> Any:
    """Draws sparsity against target as bars, and below them every mask.

    Args:
        report: The report.

    Returns:
        A `matplotlib.figure.Figure` that belongs to no window.

    Raises:
        ImportError: If Matplotlib is not installed.
        ValueError: If there is no kernel to draw.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ImportError(
            "`plot` should be called where Matplotlib is installed (`pip install matplotlib`); "
            "`to_html` draws the same without it. Received: an environment without it"
        ) from error
    if not report.kernels:
        raise ValueError("`plot` should have kernels to draw. Received: a report without kernels")
    kernels = report.kernels
    bars_height = _BAR * len(kernels)
    rows = [kernels[start : start + _COLUMNS] for start in range(0, len(kernels), _COLUMNS)]
    tops = [_ABOVE_BARS + bars_height + _BELOW_BARS]
    for row in rows:
        tops.append(tops[-1] + _MASK_TITLE + max(_mask_size(kernel)[1] for kernel in row))
    figure = Figure(figsize=(_WIDTH, tops[-1] + _EDGE))
    labels = [f"{_shortened(one.layer, _LONGEST_NAME)}  {one.pattern or '-'}" for one in kernels]
    left = _EDGE + _CHARACTER * max(map(len, labels))
    bars = _axes_at(figure, left, _ABOVE_BARS, _WIDTH - left - _EDGE, bars_height)
    _draw_bars(bars, kernels, labels, report.name)
    for row, top in zip(rows, tops[:-1], strict=True):
        for column, kernel in enumerate(row):
            x = _EDGE + column * (_MASK + _MASK_GAP)
            _draw_mask(_axes_at(figure, x, top + _MASK_TITLE, *_mask_size(kernel)), kernel)
    return figure


def save_figure(figure: Any, path: str | os.PathLike[str], dpi: int | None = None) -> None:
    """Writes a figure, whole or not at all, in the format that the ending of `path` names."""
    content = io.BytesIO()
    kind = Path(path).suffix.lstrip(".") or "png"
    figure.savefig(content, format=kind, facecolor="white", dpi=dpi or "figure")
    write_whole(path, content.getvalue())


def _axes_at(figure: Any, x: float, y: float, width: float, height: float) -> Any:
    """Axes placed in inches from the upper left."""
    across, down = figure.get_size_inches()
    bottom = (down - y - height) / down
    return figure.add_axes((x / across, bottom, width / across, height / down))


def _draw_bars(
    axes: Any, kernels: Sequence[KernelSparsity], labels: Sequence[str], name: str
) -> None:
    places = range(len(kernels))
    axes.barh(
        places,
        [kernel.element_sparsity for kernel in kernels],
        color=(*_MASK_COLOUR, 0.4),
        label="other zeros",
    )
    in_blocks = [
        kernel.element_sparsity if kernel.block_sparsity is None else kernel.block_sparsity
        for kernel in kernels
    ]
    axes.barh(places, in_blocks, color=_MASK_COLOUR, label="zeros in blocks")
    targets = [(place, one.target) for place, one in enumerate(kernels) if one.target is not None]
    if targets:
        where, aims = zip(*targets, strict=True)
        axes.scatter(aims, where, marker="|", s=160, color="black", zorder=3, label="target")
    axes.set_yticks(places, labels)
    axes.set_ylim(len(kernels) - 0.4, -0.6)
    axes.set_xlim(0, 1)
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
    axes.set_xlabel("sparsity")
    axes.set_title(f"Sparsity of {name}" if name else "Sparsity", loc="left")
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=3, frameon=False)


def _draw_mask(axes: Any, kernel: KernelSparsity) -> None:
    from matplotlib.colors import LinearSegmentedColormap, PowerNorm

    picture = kernel.picture
    colours = LinearSegmentedColormap.from_list("mask", [(1.0, 1.0, 1.0), _MASK_COLOUR])
    # The root keeps the cells of a kernel visible that is nearly all zero, as in the page.
    norm = PowerNorm(0.5, vmin=0, vmax=255)
    rows, columns = picture.shape
    axes.imshow(
        picture.whole,
        cmap=colours,
        norm=norm,
        interpolation="nearest",
        aspect="auto",
        extent=(0, columns, rows, 0),
    )
    axes.set_xticks([])
    axes.set_yticks([])
    axes.set_title(f"{_shortened(kernel.layer, 28)}\n{rows} by {columns}", fontsize=8, loc="left")


def _mask_size(kernel: KernelSparsity) -> tuple[float, float]:
    """Width and height in inches; a kernel of few outputs is stretched, or it would be a line."""
    rows, columns = kernel.picture.shape
    longer = max(rows, columns, 1)
    return _MASK * max(0.2, columns / longer), _MASK * max(0.2, rows / longer)


def _shortened(name: str, length: int) -> str:
    return name if len(name) <= length else "…" + name[1 - length :]
