"""Latency against throughput, drawn with Matplotlib, which is imported when it is asked for.

Each model has a line: over its batches where it is called without a pause, and over the rates of
calls where they arrive at random. The best place is at the lower right.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from pathlib import Path

from tfsparse.cli.benchmark_report import Cell
from tfsparse.cli.command import CommandError
from tfsparse.cli.exit_codes import REFUSED
from tfsparse.cli.target_files import check_file
from tfsparse.pruning.report.plot import save_figure

_LINES = ("-", "--", ":", "-.")
_MARKS = "os^Dv"


def check_plot(path: str) -> None:
    """Checks that a picture can be drawn and written, before there is anything to draw.

    Args:
        path: The file, whose ending says its kind.

    Raises:
        CommandError: If Matplotlib draws no such kind, or the file cannot be written.
        ImportError: If Matplotlib is not installed.
    """
    try:
        from matplotlib.backend_bases import FigureCanvasBase
    except ImportError as error:
        raise ImportError(
            "--plot should be used where Matplotlib is installed (`pip install matplotlib`). "
            "Received: an environment without it"
        ) from error
    kinds = sorted(FigureCanvasBase.filetypes)
    if Path(path).suffix.lstrip(".").lower() not in kinds:
        raise CommandError(
            f"--plot should be a file that ends with one of .{', .'.join(kinds)}. Received: {path}",
            REFUSED,
        )
    check_file("plot", path)


def draw(
    cells: Sequence[Cell], percentile: float, limit_us: float | None, processor: str, path: str
) -> None:
    """Writes a picture.

    Args:
        cells: What was measured.
        percentile: The percentile of the latencies to show.
        limit_us: The limit to show, or None.
        processor: What the title says that it was measured on.
        path: The file, whose ending says its kind, such as ``.png`` or ``.svg``.

    Raises:
        ImportError: If Matplotlib is not installed.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 5.5), layout="constrained")
    axes = figure.subplots()
    searched = any(cell.search is not None for cell in cells)
    for number, model in enumerate(dict.fromkeys(cell.model for cell in cells)):
        own = [cell for cell in cells if cell.model == model]
        lines = _over_rates(own, percentile) if searched else _over_batches(own, percentile)
        for style, (label, xs, ys, names) in enumerate(lines):
            axes.plot(
                xs,
                ys,
                _LINES[style % len(_LINES)],
                color=f"C{number}",
                marker=_MARKS[number % len(_MARKS)],
                label=label,
            )
            for x, y, name in zip(xs, ys, names, strict=True):
                axes.annotate(name, (x, y), (4, 5), textcoords="offset points", fontsize=8)
    if limit_us is not None:
        axes.axhline(limit_us, color="gray", linestyle=":", label=f"limit, {limit_us:,.0f} us")
    axes.set(xscale="linear" if searched else "log", yscale="log")
    axes.set(xlabel="examples per second", ylabel=f"p{percentile:g} of the latency, microseconds")
    arriving = "calls at random (Poisson)" if searched else "calls without a pause, by batch size"
    axes.set_title(f"{arriving}\n{processor}", fontsize=10)
    axes.grid(True, which="major", alpha=0.3)
    axes.legend(fontsize=8)
    save_figure(figure, path, dpi=150)


Line = tuple[str, list[float], list[float], list[str]]


def _over_batches(cells: Sequence[Cell], percentile: float) -> Iterable[Line]:
    """A line for each number of threads, with a mark for each batch."""
    for threads in dict.fromkeys(cell.threads for cell in cells):
        own = sorted((c for c in cells if c.threads == threads), key=lambda c: c.batch)
        yield (
            f"{own[0].label}, {_threads(threads)}",
            [cell.batch * cell.timing.calls_per_second() for cell in own],
            [cell.timing.percentile(percentile) for cell in own],
            [str(cell.batch) for cell in own],
        )


def _over_rates(cells: Sequence[Cell], percentile: float) -> Iterable[Line]:
    """A line for each batch and number of threads, with a mark for each rate."""
    for cell in cells:
        trials = [] if cell.search is None else cell.search.trials
        points = [(cell.batch * t.rate, t.percentile(percentile)) for t in trials]
        points = [(x, y) for x, y in points if math.isfinite(y)]
        yield (
            f"{cell.label}, batch {cell.batch}, {_threads(cell.threads)}",
            [x for x, _ in points],
            [y for _, y in points],
            [""] * len(points),
        )


def _threads(count: int) -> str:
    return f"{count} thread{'s' * (count > 1)}"
