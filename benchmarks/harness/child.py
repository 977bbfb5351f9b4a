"""A function in a process of its own, so that what it takes is known and given back.

The parent calls `run`; the module that it names calls `answer` with the function. One JSON object
goes in, as an argument, and one comes out. The memory of a child counts from its own start, and one
that takes more than it may is ended. Imports nothing but Python's own, since children run in the
environments of peers as well.
"""

from __future__ import annotations

import json
import os
import re
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from subprocess import DEVNULL, Popen
from typing import Any

from benchmarks.harness.worker import end_with_parent

ROOT = Path(__file__).resolve().parents[2]
_ENVIRONMENT = {"TF_CPP_MIN_LOG_LEVEL": "2", "CUDA_VISIBLE_DEVICES": "-1"}
_POLL_SECONDS = 0.05
GB = 1e9
_BEFORE_THE_ERROR = ("Graph execution error:", "Detected at node", "<stack traces unavailable>")


class ChildError(Exception):
    """The function raised, or its process ended; one line says why."""


def run(
    module: str,
    request: dict[str, Any],
    python: Path | None = None,
    most_bytes: float | None = None,
) -> dict[str, Any]:
    """Runs a module's function in a process.

    Args:
        module: Calls `answer`.
        request: What the function gets.
        python: The interpreter; this one by default.
        most_bytes: Resident memory at which the process is ended.

    Returns:
        What the function gave, and in ``"peak_bytes"`` the most resident memory of its process.

    Raises:
        ChildError: If there is no answer.
    """
    with tempfile.TemporaryFile() as log, tempfile.TemporaryFile() as answers:
        process = Popen(
            [python or sys.executable, "-m", module, json.dumps(request)],
            stdin=DEVNULL,
            stdout=answers,
            stderr=log,
            cwd=ROOT,
            env=os.environ | _ENVIRONMENT | {"PYTHONPATH": str(ROOT)},
        )
        try:
            problem = _wait(process, most_bytes)
        except BaseException:
            process.kill()
            process.wait()
            raise
        answers.seek(0)
        text = answers.read()
        if problem or not text:
            log.seek(0)
            raise ChildError(problem or _last_line(log.read(), process.returncode))
    answer: dict[str, Any] = json.loads(text)
    if "error" in answer:
        raise ChildError(answer["error"])
    return answer


def answer(function: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    """Calls the function with the request, and answers; whatever it prints goes to the log."""
    end_with_parent()
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    try:
        result = function(json.loads(sys.argv[1]))
    except Exception as error:
        result = {"error": first_line(error)}
    print(json.dumps({**result, "peak_bytes": peak_bytes()}), file=answers, flush=True)
    os._exit(0)  # a library may take long to end, or crash


def first_line(error: BaseException) -> str:
    """Type and first line of what an error says, without what TensorFlow puts above it."""
    lines = [line.strip() for line in str(error).splitlines()]
    lines = [line for line in lines if line and not line.startswith(_BEFORE_THE_ERROR)]
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__


def peak_bytes(pid: int | str = "self") -> int:
    """The most resident memory that a process has had since it became this program."""
    return _status(pid, "VmHWM")


def _status(pid: int | str, key: str) -> int:
    try:
        text = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    found = re.search(rf"^{key}:\s+(\d+) kB", text, re.MULTILINE)
    return int(found[1]) * 1024 if found else 0


def _wait(process: Popen[bytes], most_bytes: float | None) -> str:
    """Waits for the end; gives why the process was ended, or nothing."""
    while process.poll() is None:
        if most_bytes is not None and _status(process.pid, "VmRSS") > most_bytes:
            process.kill()
            process.wait()
            return f"it was ended when it took more than {most_bytes / GB:.3g} GB of memory"
        time.sleep(_POLL_SECONDS)
    return ""


def _last_line(log: bytes, code: int) -> str:
    lines = log.decode(errors="replace").strip().splitlines()
    how = signal.Signals(-code).name if code < 0 else f"code {code}"
    return f"it ended with {how}. {lines[-1] if lines else ''}".strip()
