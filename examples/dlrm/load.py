"""Serves a DLRM by each engine under MLPerf's load generator, and prints a table.

Offline, all queries are there at once, and the rate is what counts. A server gets queries at random
times, and the rate is the highest at which 99% of the answers come within a limit: it is searched
between a third of the offline rate and all of it, by halves. A rate that misses the limit is run
once more.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.harness import environment
from benchmarks.harness.engine import Engine as PeerEngine
from benchmarks.models.preparing import prepare

from . import engines
from .architecture import TABLES
from .engines import ENGINES, Engine

ROOT = Path(__file__).resolve().parents[2]
SAMPLES = 256
RUNS = 2
"""Of a rate, before it counts as too high: what else the machine does may disturb one."""
SEARCH_STEPS = 5

Row = dict[str, Any]


class Worker:
    """A process that serves a model and runs the load generator; see `generator`.

    Args:
        engine: What serves.
        folder: The models.
        arguments: As the command line reads them.
    """

    def __init__(self, engine: Engine, folder: Path, arguments: argparse.Namespace) -> None:
        setup = {
            "engine": engine.name,
            "folder": str(folder),
            "threads": arguments.threads,
            "workers": min(arguments.workers, arguments.threads),
            "max_items": arguments.max_items,
            "samples": SAMPLES,
            "table_sizes": [arguments.rows] * TABLES,
            "skew": arguments.skew,
            "generator": _generator_file(),
        }
        python = environment.python_of(engine.environment)
        self._process = subprocess.Popen(
            [str(python), "-m", "examples.dlrm.generator", json.dumps(setup)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env=os.environ | {"TF_CPP_MIN_LOG_LEVEL": "2", "CUDA_VISIBLE_DEVICES": "-1"},
        )
        self.ready = self._answer()

    def run(self, **request: Any) -> dict[str, float]:
        """Runs a scenario."""
        assert self._process.stdin is not None
        print(json.dumps(request), file=self._process.stdin, flush=True)
        return self._answer()

    def close(self) -> None:
        """Ends the process."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()

    def _answer(self) -> dict[str, float]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"the engine's process ended with {self._process.wait()}")
        found: dict[str, float] = json.loads(line)
        return found


def _generator_file() -> str:
    spec = importlib.util.find_spec("mlperf_loadgen")
    if spec is None or spec.origin is None:
        sys.exit(
            "MLPerf's load generator is not installed. Install it:\n"
            "  pip install --no-deps -r examples/requirements.txt"
        )
    return spec.origin


@contextlib.contextmanager
def working(engine: Engine, folder: Path, arguments: argparse.Namespace) -> Iterator[Worker]:
    """A worker that is closed afterwards."""
    worker = Worker(engine, folder, arguments)
    try:
        yield worker
    finally:
        worker.close()


def highest_rate(
    worker: Worker, offline: float, seconds: float, limit_ms: float
) -> dict[str, float]:
    """The highest rate of a server within a limit, and its latency; zeros if there is none."""
    best = {"qps": 0.0, "p99_ms": 0.0}
    low, high = offline / 3, offline
    for step in range(SEARCH_STEPS):
        rate = low if step == 0 else (low + high) / 2
        runs = (
            worker.run(scenario="Server", seconds=seconds, qps=rate, limit_ms=limit_ms)
            for _ in range(RUNS)
        )
        found = next((run for run in runs if run["p99_ms"] <= limit_ms), None)
        if found is not None:
            low, best = rate, found
        elif step == 0:
            low, high = rate / 4, rate
        else:
            high = rate
    return best


def measure(engine: Engine, folder: Path, arguments: argparse.Namespace) -> Row:
    """One row of the table."""
    with working(engine, folder, arguments) as worker:
        ready, seconds = worker.ready, arguments.seconds
        offline = worker.run(scenario="Offline", seconds=seconds, qps=ready["qps"])["qps"]
        server = highest_rate(worker, offline, seconds, arguments.limit_ms)
    per_item = 1e6 * arguments.threads / ready["items"]
    return {
        "engine": engine.name,
        "about": engine.about,
        "offline_qps": offline,
        "server_qps": server["qps"],
        "server_p99_ms": server["p99_ms"],
        "offline_us_per_item_and_core": per_item / offline,
        "server_us_per_item_and_core": per_item / server["qps"] if server["qps"] else None,
    }


def chosen(names: str | None) -> list[Engine]:
    """Engines by their names with commas between; all if None."""
    return list(ENGINES) if names is None else [engines.find(each) for each in names.split(",")]


def run(arguments: argparse.Namespace) -> list[Row]:
    """Measures all engines; prints a table and gives its rows."""
    folder = arguments.folder or ROOT / "artifacts" / "dlrm" / f"rows{arguments.rows}"
    _make_models(folder, arguments.rows)
    wanted = chosen(arguments.engines)
    peers = [
        PeerEngine(each.name, "int8", "", each.environment, forms=each.forms)
        for each in wanted
        if each.forms
    ]
    problems = prepare(folder, peers, install=True)
    rows: list[Row] = []
    for engine in wanted:
        if f"{engine.name}/int8" in problems:
            print(f"{engine.name} is left out: {problems[f'{engine.name}/int8']}", file=sys.stderr)
            continue
        rows.append(measure(engine, folder, arguments))
        print(json.dumps(rows[-1]), file=sys.stderr, flush=True)
    print(table(rows))
    if arguments.json:
        arguments.json.write_text(json.dumps(rows, indent=2) + "\n")
    return rows


def _make_models(folder: Path, rows: int) -> None:
    """In a process of its own, whose memory is given back."""
    code = (
        "import sys; from pathlib import Path; from examples.dlrm import models; "
        "models.make(Path(sys.argv[1]), int(sys.argv[2]))"
    )
    command = [sys.executable, "-c", code, str(folder), str(rows)]
    subprocess.run(command, cwd=ROOT, check=True)


def table(rows: list[Row]) -> str:
    """The rows in Markdown."""
    lines = [
        "| engine | offline, samples/s | server, samples/s | p99, ms "
        "| us per item and core, offline | server |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for row in rows:
        server = row["server_us_per_item_and_core"]
        lines.append(
            f"| {row['about']} | {row['offline_qps']:.1f} | {row['server_qps']:.1f} "
            f"| {row['server_p99_ms']:.1f} | {row['offline_us_per_item_and_core']:.2f} "
            f"| {'-' if server is None else f'{server:.2f}'} |"
        )
    return "\n".join(lines)
