"""Times exported models beside other engines; see `--help`."""

from __future__ import annotations

import argparse
import contextlib
import os
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")

from benchmarks.harness import environment, machine, turns
from benchmarks.harness.engine import Engine
from benchmarks.harness.json_file import write_json
from benchmarks.harness.starting import find_engines, say, start_workers
from benchmarks.peers import case as cases
from benchmarks.peers import options, table
from benchmarks.peers.engine import ENGINES
from benchmarks.peers.nets import NETS

LOGS = environment.FOLDER / "logs"


def main(arguments: list[str] | None = None) -> dict[str, Any]:
    """Runs the benchmark.

    Args:
        arguments: The command line.

    Returns:
        What ``--json`` writes.
    """
    chosen = options.parse(arguments)
    engines = [engine for engine in ENGINES if engine.label in chosen.engines]
    pythons = find_engines(engines, chosen.install)
    result: dict[str, Any] = {"machine": machine.describe(), "versions": {}}
    result |= {"settings": settings(chosen), "rows": [], "not_timed": []}
    with tempfile.TemporaryDirectory(prefix="peers-") as scratch:
        built = build_cases(chosen, Path(scratch))
        print(machine.as_line(result["machine"]), table.header(), sep="\n", flush=True)
        for threads in chosen.threads:
            time_cases(chosen, built, pythons, threads, result)
    for row in result["not_timed"]:
        say(f"not timed: {row}")
    if chosen.json:
        write_json(chosen.json, result)
    return result


def build_cases(chosen: argparse.Namespace, scratch: Path) -> list[cases.Case]:
    """Writes every chosen network at every chosen sparsity."""
    ours = {
        engine.precision for engine in ENGINES if engine.is_ours and engine.label in chosen.engines
    }
    precisions: list[cases.Precision] = [p for p in ("int8", "fp32") if p in ours]
    built = []
    for name in chosen.nets:
        for sparsity in chosen.sparsities:
            net, start = NETS[name], time.monotonic()
            folder = scratch / f"{name}-{sparsity}"
            folder.mkdir()
            batches = chosen.batches or net.batches
            case = cases.build(net, sparsity, batches, precisions, chosen.seed, folder)
            converted = ", ".join(f"{p} {layers}" for p, layers in case.converted.items())
            took = time.monotonic() - start
            say(f"built {name} {net} {sparsity} in {took:.0f} s; layers converted: {converted}")
            built.append(case)
    return built


def time_cases(
    chosen: argparse.Namespace,
    built: Sequence[cases.Case],
    pythons: dict[Engine, Path],
    threads: int,
    result: dict[str, Any],
) -> None:
    """Times all cases with a number of threads, and adds to the result."""
    with contextlib.ExitStack() as stack:
        workers = start_workers(pythons, LOGS, stack, result["versions"])
        for case in built:
            for batch in case.expected:
                say(f"timing {case.net.name} {case.sparsity}, batch {batch}, threads {threads}")
                how = (batch, threads, chosen.rounds, chosen.seconds, cases.TOLERANCE)
                timings = turns.time_cell(workers, case, *how)
                rows, not_timed = table.cell_rows(case, batch, threads, timings)
                result["rows"] += rows
                result["not_timed"] += not_timed
                print(*map(table.line, rows), sep="\n", flush=True)


def settings(chosen: argparse.Namespace) -> dict[str, Any]:
    """The command line as plain data."""
    return {
        key: [str(each) for each in value] if key == "sparsities" else value
        for key, value in vars(chosen).items()
        if key != "json"
    }


if __name__ == "__main__":
    main()
