"""Times all ways that are installed, prints a table, and writes it where that is asked for."""

from __future__ import annotations

import argparse
import dataclasses
import math
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

os.environ["TF_OVERRIDE_GLOBAL_THREADPOOL"] = "1"  # before TensorFlow's first device

import numpy as np
from rich.table import Table

from benchmarks.harness.arguments import comma_separated, one_of, positive
from benchmarks.harness.json_file import write_json
from benchmarks.harness.screen import show
from benchmarks.scale_out import beam, one_process, ray_data, spark
from benchmarks.scale_out.job import Job, Way
from benchmarks.scale_out.notes import all_at_work, read, steady_rate
from benchmarks.scale_out.workloads import WORKLOADS
from tfsparse.serving.cores import usable_cores

ONE = "one process"
WAYS: dict[str, Way] = {
    ONE: one_process.run,
    "Ray": ray_data.run,
    "Spark": spark.run_on_arrays,
    "Spark on bytes": spark.run_on_bytes,
    "Beam": beam.run_on_examples,
    "Beam on batches": beam.run_on_batches,
}


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scale_out")
    parser.add_argument("--model", default="perceptron", choices=WORKLOADS)
    ways = comma_separated(one_of([*WAYS]))
    parser.add_argument("--ways", type=ways, default=[*WAYS], help=f"of {', '.join(WAYS)}")
    parser.add_argument("--workers", type=positive, default=usable_cores())
    parser.add_argument("--examples", type=positive, help="some seconds' worth by default")
    parser.add_argument("--batch", type=positive, help="256, and 32 texts, by default")
    parser.add_argument("--saved", type=Path, help="where the model is, or is to be kept")
    parser.add_argument("--json", type=Path)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Times the ways, and says whether all of them give the same."""
    options = _arguments().parse_args(arguments)
    workload = WORKLOADS[options.model]
    records: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as scratch:
        folder = options.saved or Path(scratch, "1")
        if not folder.exists():
            workload.export(folder)
        x = workload.draw(options.examples or workload.examples)
        job = Job(str(folder), x, options.workers, options.batch or workload.batch, Path(scratch))
        before, expected = _measure(ONE, job)
        assert expected is not None
        for name in options.ways:
            record, results = _measure(name, job)
            after, _ = _measure(ONE, job)
            around = [each["examples_per_second"] for each in (before, after)]
            record["one_process"] = None if None in around else sum(around) / 2
            record["equal"] = None if results is None else _are_equal(expected, results)
            records.append(record | {"model": options.model})
            before = after
    show(_table(records, f"{options.model}, {job.workers} workers, batch {job.batch}"))
    if options.json:
        write_json(options.json, records)
    return 0 if all(record["equal"] in (None, True) for record in records) else 1


def _measure(name: str, job: Job) -> tuple[dict[str, Any], np.ndarray | None]:
    record: dict[str, Any] = {"way": name, "workers": job.workers, "batch": job.batch}
    record |= {"equal": None, "examples_per_second": None, "starting_seconds": None}
    print(f"timing {name}", flush=True)
    with tempfile.TemporaryDirectory(dir=job.notes) as notes:
        start = time.time()
        try:
            results = WAYS[name](dataclasses.replace(job, notes=Path(notes)))
        except ImportError as error:
            return record | {"note": f"not installed: {error.name}"}, None
        workers = read(Path(notes))
    rate = steady_rate(workers)
    if math.isnan(rate):
        note = "too few examples: there was no time in which all workers were at work"
        return record | {"note": note}, results
    record |= {"examples_per_second": rate, "starting_seconds": all_at_work(workers) - start}
    return record | {"note": ""}, results


def _are_equal(expected: np.ndarray, results: np.ndarray) -> bool:
    """Whether the rows are the same, in whatever order."""
    if expected.shape != results.shape:
        return False
    one, other = (rows[np.lexsort(rows.T)] for rows in (expected, results))
    return bool((one == other).all())


def _table(records: Sequence[dict[str, Any]], title: str) -> Table:
    heads = ("way", "examples/s", "one process", "share", "us an example", "starting s", "equal")
    table = Table(*heads, title=title)
    for column in table.columns[1:]:
        column.justify = "right"
    for record in records:
        rate, base = record["examples_per_second"], record["one_process"]
        if rate is None or base is None:
            table.add_row(record["way"], record["note"])
            continue
        over = 1e6 * record["workers"] * (1 / rate - 1 / base)
        numbers = (f"{rate:,.0f}", f"{base:,.0f}", f"{rate / base:.2f}", f"{over:.1f}")
        table.add_row(
            record["way"], *numbers, f"{record['starting_seconds']:.1f}", str(record["equal"])
        )
    return table


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
