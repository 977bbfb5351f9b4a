"""Calls that arrive at random, and the highest rate of them that a model answers in time.

A server does not choose when it is called. Here calls arrive as a Poisson process of some rate,
whatever the model is doing, and queue where it is busy; a latency is from the arrival to the
answer. The busier the server the longer the queue, so there is a highest rate at which a percentile
of the latencies stays under a limit: the scenario "server" of MLPerf Inference.

The rate is found by halving: whether a rate is answered in time is tried for some seconds. Rates
are between nothing and what the model answers when it is called without a pause. With few calls a
percentile is a guess, hence `MIN_CALLS` a trial, however long that takes.

A low rate takes long to try, so nothing is tried in vain. Calls alone come first: where their
percentile is over the limit, no rate will do. And a trial ends as soon as so many calls were over
the limit that the others can no longer bring the percentile below it.
"""

from __future__ import annotations

import dataclasses
import math
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tfsparse.cli.streams import run_streams

MIN_CALLS = 200
_TRIALS = 7
_SPIN = 100e-6
"""Seconds before an arrival that are waited for actively: the system wakes sleepers late."""
_FEW, _BEYOND = 10, 2
"""Calls alone: at least the first, and enough that this many are beyond the percentile."""


@dataclasses.dataclass(frozen=True)
class Trial:
    """What came of a rate.

    Attributes:
        rate: Arrivals in a second.
        us: Microseconds from each arrival to its answer.
        in_time: Whether the percentile was within the limit.
    """

    rate: float
    us: np.ndarray
    in_time: bool

    def percentile(self, share: float) -> float:
        """Microseconds that `share` percent of the calls did not exceed."""
        return float(np.percentile(self.us, share, method="higher"))


@dataclasses.dataclass(frozen=True)
class Search:
    """What came of a model.

    Attributes:
        trials: All rates that were tried, lowest first.
        capacity: Calls in a second without a pause.
        alone_us: Microseconds of the longest of the calls that came alone.
    """

    trials: Sequence[Trial]
    capacity: float
    alone_us: float

    @property
    def best(self) -> Trial | None:
        """The highest rate that was answered in time; None if none was."""
        return max((t for t in self.trials if t.in_time), key=lambda t: t.rate, default=None)


def find_rate(
    call: Callable[[], Any],
    capacity: float,
    limit_us: float,
    percentile: float,
    seconds: float,
    streams: int,
    seed: int = 0,
) -> Search:
    """Looks for the highest rate.

    Args:
        call: What a call does.
        capacity: Calls in a second without a pause, by all streams together.
        limit_us: Microseconds that the percentile may take.
        percentile: Of the latencies, such as 99.
        seconds: How long each rate is tried, or longer for `MIN_CALLS`.
        streams: Threads that answer.
        seed: Of the arrivals.

    Returns:
        The search, without trials where calls that come alone are too slow.
    """
    longest, too_slow = _alone(call, limit_us, percentile)
    if too_slow:
        return Search([], capacity, longest)
    low, high, trials = 0.0, capacity, []
    for number in range(_TRIALS):
        rate = (low + high) / 2
        calls = max(MIN_CALLS, int(rate * seconds))
        us = poisson(call, rate, calls, streams, limit_us, percentile, seed)
        in_time = float(np.percentile(us, percentile, method="higher")) <= limit_us
        trials.append(Trial(rate, us, in_time))
        low, high = (rate, high) if in_time else (low, rate)
        seed += number + 1
    return Search(sorted(trials, key=lambda trial: trial.rate), capacity, longest)


def _alone(call: Callable[[], Any], limit_us: float, percentile: float) -> tuple[float, bool]:
    """Microseconds of the longest of some calls without others, and whether too many were long."""
    beyond = max(1 - percentile / 100, _BEYOND / MIN_CALLS)
    calls = max(_FEW, math.ceil(_BEYOND / beyond))
    longest, left = 0.0, _allowed(calls, percentile)
    for _ in range(calls):
        start = time.perf_counter()
        call()
        us = 1e6 * (time.perf_counter() - start)
        longest, left = max(longest, us), left - (us > limit_us)
        if left < 0:
            break
    return longest, left < 0


def _allowed(calls: int, percentile: float) -> int:
    """How many calls may be over the limit while the percentile (method "higher") is not."""
    return calls - 1 - math.ceil(percentile / 100 * (calls - 1))


def poisson(
    call: Callable[[], Any],
    rate: float,
    calls: int,
    streams: int,
    limit_us: float,
    percentile: float,
    seed: int,
) -> np.ndarray:
    """Microseconds from each arrival to its answer; infinite after too many that were too late.

    Args:
        call: What a call does.
        rate: Arrivals in a second.
        calls: How many arrive.
        streams: Threads that answer, first come, first served.
        limit_us: Microseconds that the percentile may take.
        percentile: Of the latencies, such as 99.
        seed: Of the arrivals.
    """
    arrivals = np.cumsum(np.random.default_rng(seed).exponential(1 / rate, calls))
    answered = np.full(calls, np.inf)
    following, left = iter(range(calls)), _allowed(calls, percentile)
    lock, stop = threading.Lock(), threading.Event()
    start = time.perf_counter()

    def answer() -> None:
        nonlocal left
        while True:
            with lock:
                number = next(following, None)
            if number is None:
                return
            _wait(start + arrivals[number], stop)
            if stop.is_set():
                return
            call()
            answered[number] = time.perf_counter() - start - arrivals[number]
            if 1e6 * answered[number] > limit_us:
                with lock:
                    left -= 1
                if left < 0:
                    stop.set()

    run_streams(answer, streams, stop)
    return 1e6 * answered


def _wait(until: float, stop: threading.Event) -> None:
    while (left := until - time.perf_counter()) > 0 and not stop.is_set():
        if left > _SPIN:
            stop.wait(left - _SPIN)
