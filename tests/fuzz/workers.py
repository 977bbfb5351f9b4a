"""Runs tries in worker processes, which are used again until they die, hang or grow too large."""

import concurrent.futures
import contextlib
import dataclasses
import json
import os
import queue
import re
import select
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
MOST_SECONDS = 120
"""For one try, which takes less than one: a machine that does much else is no hang."""
MOST_BYTES = 6 << 30
TRIES_PER_WORKER = 2000
"""TensorFlow keeps functions of every model that it has loaded, so workers do not live for ever."""
POLL_SECONDS = 0.05
MOST_STEP_SECONDS = 1
"""What a poll counts at most: a machine or a group of processes that was suspended is no hang. Time
that a worker waits for a processor does not count at all."""
ENVIRONMENT = {
    "TF_CPP_MIN_LOG_LEVEL": "2",
    "CUDA_VISIBLE_DEVICES": "-1",
    "TF_NUM_INTEROP_THREADS": "2",
    "TF_NUM_INTRAOP_THREADS": "2",
}
FATAL = re.compile(r"F\d{4} ")
"""How a line of TensorFlow's log begins that says why it ends the process; a trace follows it."""


@dataclasses.dataclass(frozen=True)
class Result:
    """What came of a try: "answered", "refused", or one of `FINDINGS`."""

    outcome: str
    detail: str = ""


FINDINGS = ("crashed", "hung", "too large", "broken")


class Worker:
    """A worker process, as a context. It starts when it is first needed."""

    module = "tests.fuzz.worker"

    def __init__(self, most_seconds=MOST_SECONDS, most_bytes=MOST_BYTES, environment=None):
        self._most_seconds, self._most_bytes = most_seconds, most_bytes
        self._environment = os.environ | ENVIRONMENT | (environment or {})
        self._process = self._log = None
        self._tries = 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def run(self, job):
        """Runs a try in this worker, or in a new process where the old one is gone."""
        if self._tries >= TRIES_PER_WORKER:
            self.close()
        if self._process is None:
            self._start()
        self._tries += 1
        with contextlib.suppress(BrokenPipeError):  # its end says why
            self._process.stdin.write(json.dumps(job).encode() + b"\n")
            self._process.stdin.flush()
        return self._answer(self._most_seconds)

    def close(self):
        if self._process is None:
            return
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout, self._log):
            with contextlib.suppress(OSError):
                pipe.close()
        self._process, self._tries = None, 0

    def _start(self):
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - close() closes it
        self._process = subprocess.Popen(
            [sys.executable, "-m", self.module],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            cwd=ROOT,
            env=self._environment,
        )
        ready = self._answer(MOST_SECONDS)
        if ready.outcome != "ready":
            raise RuntimeError(f"A worker should start. Received: {ready}")

    def _answer(self, seconds):
        pipe = self._process.stdout.fileno()
        line, waited, last, queued = b"", 0.0, time.monotonic(), self._queued()
        while not line.endswith(b"\n"):
            now, queued_now = time.monotonic(), self._queued()
            step = min(now - last, MOST_STEP_SECONDS) - max(0.0, queued_now - queued)
            waited, last, queued = waited + max(0.0, step), now, queued_now
            if waited > seconds:
                return self._end("hung", f"no answer within {seconds} seconds")
            if (size := self._bytes()) > self._most_bytes:
                return self._end("too large", f"{size >> 20} MB of memory")
            if not select.select([pipe], [], [], POLL_SECONDS)[0]:
                continue
            part = os.read(pipe, 1 << 16)
            if not part:
                return self._end("crashed", self._why())
            line += part
        return Result(**json.loads(line))

    def _bytes(self):
        try:
            pages = Path(f"/proc/{self._process.pid}/statm").read_text().split()[1]
        except (OSError, IndexError):
            return 0
        return int(pages) * os.sysconf("SC_PAGE_SIZE")

    def _queued(self):
        """Seconds that its main thread has waited for a processor; 0 where Linux does not count."""
        try:
            counts = Path(f"/proc/{self._process.pid}/schedstat").read_text().split()
            return int(counts[1]) * 1e-9
        except (OSError, IndexError):
            return 0.0

    def _why(self):
        code = self._process.wait()
        name = signal.Signals(-code).name if code < 0 else f"code {code}"
        self._log.seek(0)
        words = self._log.read().decode(errors="replace").strip().splitlines()
        fatal = [line for line in words[:-3] if FATAL.match(line)]
        return " | ".join([name, *fatal, *words[-3:]])

    def _end(self, outcome, detail):
        self.close()
        return Result(outcome, detail)


def run_all(jobs, count, worker=Worker):
    """Runs tries in `count` workers; gives pairs of a try and its result, as they come."""
    left = queue.SimpleQueue()
    for job in jobs:
        left.put(job)
    results = queue.SimpleQueue()

    def work():
        with worker() as own:
            while True:
                try:
                    job = left.get_nowait()
                except queue.Empty:
                    return
                results.put((job, own.run(job)))

    total = left.qsize()
    with concurrent.futures.ThreadPoolExecutor(count) as pool:
        futures = [pool.submit(work) for _ in range(count)]
        try:
            for _ in range(total):
                yield _next(results, futures)
        finally:
            with contextlib.suppress(queue.Empty):
                while True:
                    left.get_nowait()


def _next(results, futures):
    while True:
        with contextlib.suppress(queue.Empty):
            return results.get(timeout=1)
        for future in futures:
            if future.done() and future.exception() is not None:
                raise future.exception()
