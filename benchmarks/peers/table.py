"""Rows of the result, and the table on the screen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.harness.turns import Timing
from benchmarks.peers.case import Case
from benchmarks.peers.engine import OURS

Row = dict[str, Any]
KEYS = (
    *("net", "engine", "precision", "pattern", "sparsity", "batch", "threads"),
    *("ms_median", "ms_min", "vs_ours"),
)
_WIDTHS = (-8, -12, -10, -8, 9, 6, 8, 10, 9, 8)


def cell_rows(
    case: Case, batch: int, threads: int, timings: Mapping[str, Timing]
) -> tuple[list[Row], list[Row]]:
    """Rows of one cell.

    Args:
        case: The network.
        batch: Rows.
        threads: Threads.
        timings: For each label such as ``"tfsparse/int8"``.

    Returns:
        Rows with `KEYS`, and for what was not timed rows with ``reason`` instead of the times.
        ``vs_ours`` is the median over that of `OURS`; None where there is none.
    """
    ours = timings[OURS].median if OURS in timings else None
    rows, skipped = [], []
    for label, timing in timings.items():
        engine, _, precision = label.partition("/")
        row: Row = {
            "net": case.net.name,
            "engine": engine,
            "precision": precision,
            "pattern": case.sparsity.pattern,
            "sparsity": case.sparsity.share,
            "batch": batch,
            "threads": threads,
        }
        if timing.median is None:
            skipped.append(row | {"reason": timing.problem})
            continue
        ratio = timing.median / ours if ours else None
        times = {"ms_median": timing.median, "ms_min": timing.minimum, "vs_ours": ratio}
        rows.append(row | times)
    return rows, skipped


def header() -> str:
    """The line above the table."""
    return _line(KEYS)


def line(row: Row) -> str:
    """One row of the table."""
    ratio = "" if row["vs_ours"] is None else f"{row['vs_ours']:.2f}x"
    first = [str(row[key]) for key in KEYS[:4]]
    numbers = [f"{row['sparsity']:.2f}", str(row["batch"]), str(row["threads"])]
    return _line([*first, *numbers, f"{row['ms_median']:.4f}", f"{row['ms_min']:.4f}", ratio])


def _line(cells: Sequence[str]) -> str:
    return " ".join(
        cell.ljust(-width) if width < 0 else cell.rjust(width)
        for cell, width in zip(cells, _WIDTHS, strict=True)
    ).rstrip()
