"""Times calls in turns, so that all see the same weather, and keeps every latency.

A stream calls, waits for the answer, and calls again; several streams do so at the same time, each
on a thread of its own.
"""

from __future__ import annotations

import dataclasses
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from tfsparse.cli.streams import run_streams

_TURNS = 5


@dataclasses.dataclass
class Timing:
    """What came of one model.

    Attributes:
        us: Microseconds of each call.
        seconds: How long all calls took together, streams side by side.
    """

    us: list[float] = dataclasses.field(default_factory=list)
    seconds: float = 0.0

    def percentile(self, share: float) -> float:
        """Microseconds that `share` percent of the calls did not exceed."""
        return float(np.percentile(self.us, share))

    def calls_per_second(self) -> float:
        """Calls of all streams in a second."""
        return len(self.us) / self.seconds if self.seconds else 0.0


def time_in_turns(
    calls: Mapping[str, Callable[[], Any]], warm_up: float, seconds: float, streams: int
) -> dict[str, Timing]:
    """Times calls.

    Args:
        calls: Name to what is called.
        warm_up: Seconds that each is called before.
        seconds: Seconds that each is timed, in turns.
        streams: Threads that call at the same time.
    """
    timings = {name: Timing() for name in calls}
    for call in calls.values():
        _turn(call, warm_up, streams)
    for _ in range(_TURNS):
        for name, call in calls.items():
            us, taken = _turn(call, seconds / _TURNS, streams)
            timings[name].us += us
            timings[name].seconds += taken
    return timings


def _turn(call: Callable[[], Any], seconds: float, streams: int) -> tuple[list[float], float]:
    start = time.perf_counter()
    if streams == 1:
        us = _stream(call, start + seconds, threading.Event())
        return us, time.perf_counter() - start
    results: list[list[float]] = []
    stop = threading.Event()
    run_streams(lambda: results.append(_stream(call, start + seconds, stop)), streams, stop)
    return [each for result in results for each in result], time.perf_counter() - start


def _stream(call: Callable[[], Any], end: float, stop: threading.Event) -> list[float]:
    """At least one call, and others until the end, or until the event is set."""
    us = []
    before = time.perf_counter()
    while True:
        call()
        after = time.perf_counter()
        us.append(1e6 * (after - before))
        if after >= end or stop.is_set():
            return us
        before = after
