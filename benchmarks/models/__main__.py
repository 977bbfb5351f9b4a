"""Times whole models beside other engines; see `--help`."""

from __future__ import annotations

import argparse
import contextlib
import os
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")

from benchmarks.harness import child, environment, machine, screen, turns
from benchmarks.harness.engine import Engine
from benchmarks.harness.json_file import write_json
from benchmarks.harness.sparsity import Sparsity
from benchmarks.harness.starting import find_engines, say, start_workers
from benchmarks.models import case as cases
from benchmarks.models import engine as engines
from benchmarks.models import op_times, options, preparing, registry, table

LOGS = environment.FOLDER / "logs" / "models"


def main(arguments: list[str] | None = None) -> list[dict[str, Any]]:
    """Runs the benchmark.

    Args:
        arguments: The command line.

    Returns:
        What ``--json`` writes.
    """
    chosen = options.parse(arguments)
    pythons = find_engines(engines.choose(chosen.engines, chosen.precisions), chosen.install)
    print(machine.as_line(machine.describe()), flush=True)
    result: list[dict[str, Any]] = []
    for name in chosen.models:
        for sparsity in chosen.patterns:
            for row in time_case(chosen, name, sparsity, pythons):
                if row.values is not None:
                    result.append(row.values)
            if chosen.json:
                write_json(chosen.json, result)
    return result


def time_case(
    chosen: argparse.Namespace, name: str, sparsity: Sparsity, pythons: Mapping[Engine, Path]
) -> Iterator[table.Row]:
    """Builds a model at a sparsity, and times it with every batch and number of threads."""
    with tempfile.TemporaryDirectory(prefix="models-") as scratch:
        try:
            case = build(chosen, name, sparsity, pythons, Path(scratch))
        except child.ChildError as error:
            say(f"{name} {sparsity} is left out: {error}")
            return
        problems = preparing.prepare(case.folder, pythons, chosen.install)
        ours = {f"tfsparse/{key}": text for key, text in case.problems.items()}
        for threads in chosen.threads:
            yield from time_cells(chosen, case, pythons, problems | ours, threads)


def build(
    chosen: argparse.Namespace,
    name: str,
    sparsity: Sparsity,
    pythons: Mapping[Engine, Path],
    folder: Path,
) -> cases.Case:
    """Writes the case, with ours in the precisions that are to be timed."""
    start = time.monotonic()
    batches = chosen.batches or registry.find(name).batches
    precisions = [engine.precision for engine in pythons if engine.is_ours]
    case = cases.build(name, sparsity, batches, precisions, chosen.seed, folder)
    say(f"built {name} {sparsity} in {time.monotonic() - start:.0f} s: {case.converted}")
    return case


def time_cells(
    chosen: argparse.Namespace,
    case: cases.Case,
    pythons: Mapping[Engine, Path],
    problems: Mapping[str, str],
    threads: int,
) -> Iterator[table.Row]:
    """Times a case with a number of threads, and prints its tables."""
    able = {engine: path for engine, path in pythons.items() if engine.label not in problems}
    with contextlib.ExitStack() as stack:
        workers = start_workers(able, LOGS, stack, {})
        for batch in case.batches:
            say(f"timing {case.model} {case.sparsity}, batch {batch}, threads {threads}")
            how = (batch, threads, chosen.rounds, chosen.seconds, cases.TOLERANCE)
            timings = turns.time_cell(workers, case, *how)
            timings |= {label: turns.Timing(problem=text) for label, text in problems.items()}
            ordered = {e.label: timings[e.label] for e in pythons if e.label in timings}
            rows = table.cell_rows(case, batch, threads, ordered, chosen.precisions)
            screen.show(table.cell_table(case, rows))
            yield from rows
    if chosen.profile:
        show_profiles(case, threads, [engine.precision for engine in able if engine.is_ours])


def show_profiles(case: cases.Case, threads: int, precisions: Sequence[str]) -> None:
    """Prints where the time of ours goes, by type of op."""
    for batch in case.batches:
        for precision in precisions:
            title = f"{case.model}, {case.sparsity}, ours in {precision}, batch {batch}, threads {threads}"  # noqa: E501
            inputs = case.folder / f"x{batch}.npz"
            try:
                ops = op_times.of(case.folder / precision, inputs, threads)
            except child.ChildError as error:
                say(f"no profile of {title}: {error}")
                continue
            screen.show(table.profile_table(title, ops))


if __name__ == "__main__":
    main()
