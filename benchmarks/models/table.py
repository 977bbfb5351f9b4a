"""Rows of the result, and the tables on the screen."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from rich.table import Table

from benchmarks.harness.turns import Timing
from benchmarks.models.case import Case
from benchmarks.models.engine import ours_for
from benchmarks.models.op_times import OpTime

KEYS = (
    *("model", "engine", "precision", "pattern", "sparsity", "batch", "threads"),
    *("ms_median", "ms_min", "vs_ours"),
)


@dataclasses.dataclass(frozen=True)
class Row:
    """One engine in one cell.

    Attributes:
        label: The engine's, such as ``"openvino/int8"``.
        timing: What came of it.
        values: What ``--json`` writes; None if it was not timed.
        batch: Rows.
        threads: Threads.
        ours: Label of what it is compared with, or None.
    """

    label: str
    timing: Timing
    values: dict[str, Any] | None
    batch: int
    threads: int
    ours: str | None


def cell_rows(
    case: Case, batch: int, threads: int, timings: Mapping[str, Timing], precisions: Sequence[str]
) -> list[Row]:
    """Rows of one cell, in the order of the engines.

    Args:
        case: The model.
        batch: Rows.
        threads: Threads.
        timings: For each label.
        precisions: The chosen ones, for `ours_for`.
    """
    timed = {label: timing.median for label, timing in timings.items() if timing.median}
    rows = []
    for label, timing in timings.items():
        engine, _, precision = label.partition("/")
        ours = ours_for(precision, timed, precisions)
        values = None
        if label in timed:
            values = {
                "model": case.model,
                "engine": engine,
                "precision": timing.precision,
                "pattern": case.sparsity.pattern,
                "sparsity": case.sparsity.share,
                "batch": batch,
                "threads": threads,
                "ms_median": timing.median,
                "ms_min": timing.minimum,
                "vs_ours": timed[label] / timed[ours] if ours else None,
            }
        rows.append(Row(label, timing, values, batch, threads, ours))
    return rows


def cell_table(case: Case, rows: Sequence[Row]) -> Table:
    """A table of one cell; ratios above 1 are in favour of ours."""
    converted = ", ".join(f"{key} {value}" for key, value in case.converted.items())
    where = f"batch {rows[0].batch}, {_count(rows[0].threads, 'thread')}" if rows else ""
    title = f"{case.model}, {case.sparsity}, {where}"
    caption = f"products converted: {converted}" if converted else ""
    table = Table(title=title, caption=caption, title_justify="left", caption_justify="left")
    table.add_column("engine", no_wrap=True)
    table.add_column("precision", no_wrap=True)
    for name in ("ms median", "ms min", "error", "vs ours"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("how", overflow="fold")
    for row in rows:
        table.add_row(*_cells(row), style="bold" if row.label == row.ours else "")
    return table


def profile_table(title: str, ops: Sequence[OpTime], most: int = 15) -> Table:
    """A table of where the time goes, the most expensive types of op first."""
    total = sum(each.ms for each in ops) or 1.0
    table = Table(title=title, title_justify="left")
    table.add_column("op", no_wrap=True)
    for name in ("count", "ms", "share"):
        table.add_column(name, justify="right", no_wrap=True)
    for each in ops[:most]:
        table.add_row(each.op, str(each.count), f"{each.ms:.3f}", f"{each.ms / total:.0%}")
    if ops[most:]:
        rest = sum(each.ms for each in ops[most:])
        count = sum(each.count for each in ops[most:])
        table.add_row("all others", str(count), f"{rest:.3f}", f"{rest / total:.0%}")
    table.add_row("sum", str(sum(each.count for each in ops)), f"{total:.3f}", "100%")
    return table


def _cells(row: Row) -> list[str]:
    engine, _, precision = row.label.partition("/")
    timing = row.timing
    error = "" if timing.error is None else f"{timing.error:.1e}"
    if row.values is None:
        return [engine, precision, "", "", error, "", f"not timed: {timing.problem}"]
    ratio = row.values["vs_ours"]
    return [
        engine,
        row.values["precision"],
        f"{row.values['ms_median']:.3f}",
        f"{row.values['ms_min']:.3f}",
        error,
        "" if ratio is None else f"{ratio:.2f}x",
        timing.note,
    ]


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
