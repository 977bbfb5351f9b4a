"""The tables of `tfsparse benchmark`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from tfsparse.cli.screen import Screen

if TYPE_CHECKING:
    from tfsparse.cli.benchmark import Cell

_TOP = 12

Key = tuple[str, int, int, int]
"""Model, batch, threads, streams."""


def ratios(now: Mapping[Key, float], before: Mapping[Key, float]) -> dict[Key, float]:
    """Median now over that before, where both are there."""
    return {key: us / before[key] for key, us in now.items() if before.get(key)}


def show_cells(
    cells: Sequence[Cell],
    percentiles: Sequence[float],
    than_before: Mapping[Key, float],
    streams: int,
    screen: Screen,
) -> None:
    """Prints latencies and throughput, a batch and number of threads at a time."""
    several = len({cell.model for cell in cells}) > 1
    heads = ["model", "batch", "threads", *(f"p{p:g} us" for p in percentiles), "examples/s"]
    heads += ["speed-up"] if several else []
    heads += ["before"] if than_before else []
    firsts: dict[tuple[int, int], float] = {}
    rows = []
    for cell in sorted(cells, key=lambda each: (each.threads, each.batch)):
        median = cell.timing.percentile(50)
        first = firsts.setdefault((cell.threads, cell.batch), median)
        row = [cell.model, str(cell.batch), str(cell.threads)]
        row += [f"{cell.timing.percentile(p):,.1f}" for p in percentiles]
        row += [f"{cell.batch * cell.timing.calls_per_second():,.0f}"]
        row += [f"{first / median:.2f}x"] if several else []
        if than_before:
            ratio = than_before.get((cell.model, cell.batch, cell.threads, streams))
            row += ["-" if ratio is None else f"{1 / ratio:.2f}x"]
        rows.append(row)
    title = f"{streams} callers at the same time" if streams > 1 else ""
    screen.table(title, heads, rows, left=["model"])


def show_profile(path: str, rows: Sequence[tuple[str, int, float]], screen: Screen) -> None:
    """Prints the most expensive types of ops."""
    total = sum(ms for _, _, ms in rows) or 1.0
    screen.table(
        f"Where the time of {path} goes",
        ["op", "count", "ms", "share"],
        [[op, str(n), f"{ms:.3f}", f"{ms / total:.1%}"] for op, n, ms in rows[:_TOP]],
        left=["op"],
    )
