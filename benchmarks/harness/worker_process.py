"""The host's end of a worker: asks, waits, and keeps it still while others have their turn.

Engines keep their threads spinning for a while after a run, each in a way of its own, which would
slow down whoever comes next; switched off, it would slow down the engine. So engines run as they
come, and a worker that has answered is stopped by SIGSTOP, spinning threads and all, until it
is asked again.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
TIMEOUT_SECONDS = 300
_ENVIRONMENT = {"TF_CPP_MIN_LOG_LEVEL": "2", "CUDA_VISIBLE_DEVICES": "-1"}


class WorkerError(Exception):
    """An engine could not do what it was asked; the worker may be gone."""


class WorkerProcess:
    """A worker, as a context.

    Args:
        python: Interpreter of the engine's environment.
        engine: Module of the engine.
        log: File for whatever the engine prints.

    Raises:
        WorkerError: If the engine cannot be imported.
    """

    def __init__(self, python: Path, engine: str, log: Path) -> None:
        self._log = log
        with log.open("wb") as file:
            self._process = subprocess.Popen(
                [python, "-m", "benchmarks.harness.worker", engine],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=file,
                cwd=ROOT,
                env=os.environ | _ENVIRONMENT,
            )
        try:
            self.version: str = self._answer()["version"]
            self._send_signal(signal.SIGSTOP)
        except BaseException:
            self.close()
            raise

    @property
    def pid(self) -> int:
        """Process id."""
        return self._process.pid

    def ask(self, **request: Any) -> dict[str, Any]:
        """Sends a request and waits for the answer; the process runs only meanwhile.

        Raises:
            WorkerError: If the answer is an error, or none comes.
        """
        self._send_signal(signal.SIGCONT)
        try:
            assert self._process.stdin is not None
            self._process.stdin.write(json.dumps(request).encode() + b"\n")
            self._process.stdin.flush()
        except OSError as error:
            raise WorkerError(f"it ended. {self._last_words()}") from error
        answer = self._answer()
        self._send_signal(signal.SIGSTOP)
        if "error" in answer:
            raise WorkerError(answer["error"])
        return answer

    def close(self) -> None:
        """Ends the process."""
        self._process.kill()  # works on a stopped process, too
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):  # what was not sent is lost
                    pipe.close()

    def __enter__(self) -> WorkerProcess:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _send_signal(self, number: signal.Signals) -> None:
        if self._process.poll() is None:
            self._process.send_signal(number)

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        pipe = self._process.stdout.fileno()
        line, deadline = b"", time.monotonic() + TIMEOUT_SECONDS
        while not line.endswith(b"\n"):
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([pipe], [], [], left)[0]:
                raise WorkerError(f"no answer within {TIMEOUT_SECONDS} seconds")
            part = os.read(pipe, 1 << 16)
            if not part:
                code = self._process.wait()
                raise WorkerError(f"it ended with code {code}. {self._last_words()}")
            line += part
        answer: dict[str, Any] = json.loads(line)
        return answer

    def _last_words(self) -> str:
        lines = self._log.read_text(errors="replace").strip().splitlines()
        return lines[-1] if lines else ""
