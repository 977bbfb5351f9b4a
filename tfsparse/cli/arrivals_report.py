"""What came of calls that arrive at random, as a table and as JSON."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from tfsparse.cli.arrivals import Search, Trial
from tfsparse.cli.screen import Screen

if TYPE_CHECKING:
    from tfsparse.cli.benchmark_report import Cell


def show_arrivals(
    cells: Sequence[Cell], limit_us: float, percentile: float, screen: Screen
) -> None:
    """Prints the highest rate of each cell that was answered in time."""
    found = [(cell, cell.search) for cell in cells if cell.search is not None]
    if not found:
        return
    heads = ["model", "batch", "threads", "calls/s", "examples/s", "of capacity"]
    screen.table(
        f"Calls at random (Poisson) with p{percentile:g} of at most {limit_us:,.0f} us",
        [*heads, "p50 us", f"p{percentile:g} us"],
        [_row(cell, search, percentile) for cell, search in found],
        left=["model"],
    )
    for cell, search in found:
        if not search.trials:
            screen.say(
                f"{cell.label}, batch {cell.batch}: no rate was tried, as calls that come alone "
                f"take up to {search.alone_us:,.0f} us."
            )
    if any(search.best is None and search.trials for _, search in found):
        screen.say("A model with 0 calls/s does not answer in time at any rate that was tried.")


def _row(cell: Cell, search: Search, percentile: float) -> list[str]:
    head = [cell.label, str(cell.batch), str(cell.threads)]
    best = search.best
    if best is None:
        return [*head, "0", "0", "-", "-", "-"]
    return [
        *head,
        f"{best.rate:,.0f}",
        f"{cell.batch * best.rate:,.0f}",
        f"{best.rate / search.capacity:.0%}",
        f"{best.percentile(50):,.1f}",
        f"{best.percentile(percentile):,.1f}",
    ]


def arrivals_as_dict(cell: Cell, limit_us: float | None, percentile: float) -> Any:
    """The trials for JSON; None where there are none."""
    if cell.search is None:
        return None
    best = cell.search.best
    return {
        "limit_us": limit_us,
        "percentile": percentile,
        "calls_per_second": best.rate if best else 0.0,
        "examples_per_second": cell.batch * best.rate if best else 0.0,
        "capacity_calls_per_second": cell.search.capacity,
        "longest_alone_us": cell.search.alone_us,
        "trials": [_trial(trial, percentile) for trial in cell.search.trials],
    }


def _trial(trial: Trial, percentile: float) -> dict[str, Any]:
    median, tail = trial.percentile(50), trial.percentile(percentile)
    return {
        "calls_per_second": trial.rate,
        "in_time": trial.in_time,
        "median_us": median if math.isfinite(median) else None,
        "percentile_us": tail if math.isfinite(tail) else None,
    }
