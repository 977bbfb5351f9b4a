"""One engine in a process and an environment of its own; `worker_process` is the other end.

Reads a request a line and writes an answer a line, both JSON:

    {"do": "load", "case": DIR, "precision": "int8", "batch": 64, "threads": 1}
                                      -> {"precision": "int8", "note": ""}
    {"do": "save", "file": FILE}      runs once, writes the results with numpy.savez  -> {}
    {"do": "time", "seconds": 0.05}   runs again and again  -> {"ms": [...]}

and first of all `{"version": "1.2.3"}`. An error is `{"error": "..."}`. The answers have a file
descriptor of their own: whatever a library prints goes to standard error.

An engine is a module with `VERSION` and `load(case, precision, x, threads)`, which gives a
function of no arguments that runs the model once on `x`, and returns something that NumPy reads
as an array, or a dict of such. What a caller of that engine does for every batch is in the
function, what is done once is not. `x` is the array of ``x<batch>.npy``, or the dict of
``x<batch>.npz``. The function may have attributes: `precision`, what it really computes in, and
`note`, a line about how it runs.
"""

from __future__ import annotations

import ctypes
import importlib
import json
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import numpy as np

Run = Callable[[], Any]
WARM_UP_SECONDS = 0.01
_PR_SET_PDEATHSIG = 1  # of <sys/prctl.h>


def time_runs(run: Run, seconds: float) -> list[float]:
    """Times one run after another, at least one, after warming up.

    Warming up brings back into the caches what other engines have displaced, and wakes the
    engine's threads.

    Args:
        run: What to time.
        seconds: How long.

    Returns:
        Milliseconds of each run.
    """
    clock = time.perf_counter
    end = clock() + WARM_UP_SECONDS
    run()
    while clock() < end:
        run()
    times = []
    end = clock() + seconds
    while True:
        start = clock()
        run()
        now = clock()
        times.append(1000 * (now - start))
        if now >= end:
            return times


def load_inputs(case: Path, batch: int) -> Any:
    """The array or the dict of arrays that a case has for a batch."""
    single = case / f"x{batch}.npy"
    if single.exists():
        return np.load(single)
    with np.load(case / f"x{batch}.npz") as arrays:
        return dict(arrays)


class Worker:
    """Answers requests with one engine."""

    def __init__(self, engine: Any) -> None:
        self._engine = engine
        self._run: Run | None = None

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        """Does what a request says."""
        if request["do"] == "load":
            self._run = None  # frees the model before the next takes its memory
            case = Path(request["case"])
            x, precision = load_inputs(case, request["batch"]), request["precision"]
            self._run = self._engine.load(case, precision, x, request["threads"])
            return {
                "precision": getattr(self._run, "precision", precision),
                "note": getattr(self._run, "note", ""),
            }
        if self._run is None:
            raise ValueError("a model should be loaded first")
        if request["do"] == "save":
            results = self._run()
            np.savez(request["file"], **(results if isinstance(results, dict) else {"y": results}))
            return {}
        if request["do"] == "time":
            return {"ms": time_runs(self._run, request["seconds"])}
        raise ValueError(f"`do` should be load, save or time. Received: {request['do']!r}")


def serve(worker: Worker, requests: IO[str], answers: IO[str]) -> None:
    """Answers until there are no more requests."""
    for line in requests:
        try:
            answer = worker.answer(json.loads(line))
        except Exception as error:
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), file=answers, flush=True)


def end_with_parent() -> None:
    """Lets Linux kill this process when the host is gone: a stopped one would stay for ever."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def main() -> None:
    """Serves the engine whose module the command line names."""
    end_with_parent()
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    engine = importlib.import_module(sys.argv[1])
    print(json.dumps({"version": engine.VERSION}), file=answers, flush=True)
    serve(Worker(engine), sys.stdin, answers)


if __name__ == "__main__":
    main()
