"""What came of `tfsparse benchmark`, as tables and as JSON, beside an earlier time."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tfsparse.cli import agreement
from tfsparse.cli.agreement import Agreement
from tfsparse.cli.arrivals import Search
from tfsparse.cli.arrivals_report import arrivals_as_dict, show_arrivals
from tfsparse.cli.command import CommandError
from tfsparse.cli.exit_codes import DIFFERENT, OK, REFUSED
from tfsparse.cli.machine import look
from tfsparse.cli.screen import Screen
from tfsparse.cli.timing import Timing

_TOP = 12

Key = tuple[str, int, int, int]
"""Model, batch, threads, streams."""


@dataclasses.dataclass(frozen=True)
class Cell:
    """A model at a batch size and a number of threads."""

    model: str
    batch: int
    threads: int
    timing: Timing
    search: Search | None = None

    @property
    def label(self) -> str:
        """The model's name in tables."""
        return _label(self.model)

    def key(self, streams: int) -> Key:
        """What it is found by in the results of another time."""
        return self.model, self.batch, self.threads, streams


@dataclasses.dataclass(frozen=True)
class Results:
    """Everything that was measured.

    Attributes:
        cells: The timings.
        agreements: Batch and model to its outputs beside those of the first model.
        profiles: Model to the type, number and milliseconds of its ops.
        percentiles: Those to show.
        streams: Callers at the same time.
        limit_us: Microseconds that an answer may take where calls arrive at random, or None.
        limit_percentile: The percentile of the latencies that the limit is for.
    """

    cells: Sequence[Cell]
    agreements: Mapping[tuple[int, str], Sequence[Agreement]]
    profiles: Mapping[str, Sequence[tuple[str, int, float]]]
    percentiles: Sequence[float]
    streams: int
    limit_us: float | None = None
    limit_percentile: float = 99.0


def report(
    results: Results,
    before: Mapping[Key, float] | None,
    compared: str | None,
    max_slowdown: float | None,
    screen: Screen,
) -> int:
    """Prints the results.

    Args:
        results: The results.
        before: Medians of another time, or None.
        compared: The file that has them.
        max_slowdown: The ratio to them that is too much, or None.
        screen: Where to print.

    Returns:
        The exit code.
    """
    ratios = (
        {
            key: cell.timing.percentile(50) / before[key]
            for cell in results.cells
            if (key := cell.key(results.streams)) in (before or {})
        }
        if before
        else {}
    )
    _show_cells(results, ratios, screen)
    if results.limit_us is not None:
        show_arrivals(results.cells, results.limit_us, results.limit_percentile, screen)
    rows = [
        [_label(model), str(batch), *row]
        for (batch, model), each in results.agreements.items()
        for row in agreement.rows(each)
    ]
    if rows:
        heads = ["model", "batch", *agreement.HEADS]
        screen.table("Outputs beside those of the first", heads, rows, left=["model", "output"])
    for path, ops in results.profiles.items():
        _show_profile(path, ops, screen)
    screen.json(_as_dict(results, ratios))
    slow = max_slowdown is not None and any(each > max_slowdown for each in ratios.values())
    if slow:
        screen.say(f"Takes more than {max_slowdown:g} times as long as in {compared}.", "red")
    wrong = any(each.problem for rows in results.agreements.values() for each in rows)
    return DIFFERENT if slow or wrong else OK


def read_results(path: str) -> dict[Key, float]:
    """The medians that a file of an earlier time holds.

    Raises:
        CommandError: If it holds none.
    """
    try:
        results = json.loads(Path(path).read_text())["results"]
        return {
            (each["model"], each["batch"], each["threads"], each["streams"]): _median(each)
            for each in results
        }
    except (OSError, ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
        raise CommandError(
            "--compare should be a file that `tfsparse benchmark --json` has printed. Received: "
            f"{path}, with {type(error).__name__}: {error}",
            REFUSED,
        ) from error


def _median(result: Mapping[str, Any]) -> float:
    median = result["median_us"]
    if not isinstance(median, int | float) or not 0 < float(median) < math.inf:
        raise ValueError(f"median_us {median!r}")
    return float(median)


def _show_cells(results: Results, ratios: Mapping[Key, float], screen: Screen) -> None:
    """Latencies and throughput, a batch and number of threads at a time."""
    several = len({cell.model for cell in results.cells}) > 1
    counts = len({cell.threads for cell in results.cells}) > 1
    heads = ["model", "batch"] + ["threads"] * counts
    heads += [f"p{p:g} us" for p in results.percentiles]
    heads += ["examples/s"] + ["speed-up"] * several + ["than before"] * bool(ratios)
    firsts: dict[tuple[int, int], float] = {}
    rows = []
    for cell in sorted(results.cells, key=lambda each: (each.threads, each.batch)):
        median = cell.timing.percentile(50)
        first = firsts.setdefault((cell.threads, cell.batch), median)
        row = [cell.label, str(cell.batch)] + [str(cell.threads)] * counts
        row += [f"{cell.timing.percentile(p):,.1f}" for p in results.percentiles]
        row += [f"{cell.batch * cell.timing.calls_per_second():,.0f}"]
        row += [f"{first / median:.2f}x"] * several
        if ratios:
            ratio = ratios.get(cell.key(results.streams))
            row += ["-" if ratio is None else f"{1 / ratio:.2f}x"]
        rows.append(row)
    title = f"{results.streams} callers at the same time" if results.streams > 1 else ""
    screen.table(title, heads, rows, left=["model"])


def _label(path: str) -> str:
    """The end of a path, which is enough for a table."""
    return "/".join(Path(path).parts[-2:])


def _show_profile(path: str, ops: Sequence[tuple[str, int, float]], screen: Screen) -> None:
    """The most expensive types of ops."""
    total = sum(ms for _, _, ms in ops) or 1.0
    screen.table(
        f"Where the time of {_label(path)} goes",
        ["op", "count", "ms", "share"],
        [[op, str(n), f"{ms:.3f}", f"{ms / total:.1%}"] for op, n, ms in ops[:_TOP]],
        left=["op"],
    )


def _as_dict(results: Results, ratios: Mapping[Key, float]) -> dict[str, Any]:
    return {
        "processor": look().processor,
        "results": [
            {
                "model": cell.model,
                "batch": cell.batch,
                "threads": cell.threads,
                "streams": results.streams,
                "calls": len(cell.timing.us),
                "median_us": cell.timing.percentile(50),
                "percentiles_us": {
                    f"{p:g}": cell.timing.percentile(p) for p in results.percentiles
                },
                "examples_per_second": cell.batch * cell.timing.calls_per_second(),
                "time_over_before": ratios.get(cell.key(results.streams)),
                "poisson": arrivals_as_dict(cell, results.limit_us, results.limit_percentile),
            }
            for cell in results.cells
        ],
        "agreement": [
            {"model": model, "batch": batch, **dataclasses.asdict(each)}
            for (batch, model), rows in results.agreements.items()
            for each in rows
        ],
        "profile": {
            path: [{"op": op, "count": count, "ms": ms} for op, count, ms in ops]
            for path, ops in results.profiles.items()
        },
    }
