"""Finds the engines that can run here, and starts a worker for each."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

from benchmarks.harness import environment
from benchmarks.harness.engine import Engine
from benchmarks.harness.worker_process import WorkerError, WorkerProcess


def say(text: str) -> None:
    """Reports progress."""
    print(text, file=sys.stderr, flush=True)


def find_engines(engines: Iterable[Engine], install: bool) -> dict[Engine, Path]:
    """Those that can run here, with their interpreters.

    Args:
        engines: The engines wanted.
        install: Whether environments may be made.
    """
    pythons = {}
    for engine in engines:
        try:
            pythons[engine] = environment.python_of(
                engine.environment, engine.newest_python, install
            )
        except environment.MissingEnvironmentError as error:
            say(f"{engine.label} is left out: {error}")
    return pythons


def start_workers(
    pythons: Mapping[Engine, Path],
    logs: Path,
    stack: contextlib.ExitStack,
    versions: dict[str, str],
) -> dict[str, WorkerProcess]:
    """Starts a process for each engine.

    Args:
        pythons: The engines with their interpreters.
        logs: Folder for what they print.
        stack: Ends the processes.
        versions: Gets the version of each engine, by its name.

    Returns:
        For each label, its process.
    """
    logs.mkdir(parents=True, exist_ok=True)
    workers = {}
    for engine, python in pythons.items():
        log = logs / f"{engine.name}-{engine.precision}.log"
        try:
            worker = stack.enter_context(WorkerProcess(python, engine.module, log))
        except WorkerError as error:
            say(f"{engine.label} is left out: {error}")
            continue
        workers[engine.label] = worker
        versions[engine.name] = worker.version
    return workers
