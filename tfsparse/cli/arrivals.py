"""Calls that arrive at random, and the highest rate of them that a model answers in time.

A server does not choose when it is called. Here calls arrive as a Poisson process of some rate,
whatever the model is doing, and queue where it is busy; a latency is from the arrival to the
answer. The busier the server the longer the queue, so there is a highest rate at which a percentile
of the latencies stays under a limit: the scenario "server" of MLPerf Inference.

The rate is found by halving: whether a rate is answered in time is tried for some seconds. Rates
are between nothing and what the model answers when it is called without a pause. With few calls a
percentile is a guess, hence `MIN_CALLS` a trial, however long that takes.
"""

from __future__ import annotations

import dataclasses
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

MIN_CALLS = 200
_TRIALS = 7
_SPIN = 100e-6
"""Seconds before an arrival that are waited for actively: the system wakes sleepers late."""
_LATE = 10.0
"""A trial ends once a call has waited for this many limits: its rate is too high."""


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
    """

    trials: Sequence[Trial]
    capacity: float

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
    """
    low, high, trials = 0.0, capacity, []
    for number in range(_TRIALS):
        rate = (low + high) / 2
        us = poisson(call, rate, max(MIN_CALLS, int(rate * seconds)), streams, limit_us, seed)
        in_time = float(np.percentile(us, percentile, method="higher")) <= limit_us
        trials.append(Trial(rate, us, in_time))
        low, high = (rate, high) if in_time else (low, rate)
        seed += number + 1
    return Search(sorted(trials, key=lambda trial: trial.rate), capacity)


def poisson(
    call: Callable[[], Any], rate: float, calls: int, streams: int, limit_us: float, seed: int
) -> np.ndarray:
    """Microseconds from each arrival to its answer; infinite after one that is far too late.

    Args:
        call: What a call does.
        rate: Arrivals in a second.
        calls: How many arrive.
        streams: Threads that answer, first come, first served.
        limit_us: What is long, see `_LATE`.
        seed: Of the arrivals.
    """
    arrivals = np.cumsum(np.random.default_rng(seed).exponential(1 / rate, calls))
    answered = np.full(calls, np.nan)
    following = iter(range(calls))
    lock, errors, late = threading.Lock(), [], threading.Event()
    start = time.perf_counter()

    def answer() -> None:
        while not late.is_set():
            with lock:
                number = next(following, None)
            if number is None:
                return
            _wait(start + arrivals[number])
            call()
            answered[number] = time.perf_counter() - start - arrivals[number]
            if 1e6 * answered[number] > _LATE * limit_us:
                late.set()

    def run() -> None:
        try:
            answer()
        except BaseException as error:
            errors.append(error)
            late.set()

    threads = [threading.Thread(target=run, daemon=True) for _ in range(streams)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
    if late.is_set():  # an early end hides the calls that would have waited longest
        answered[np.isnan(answered)] = np.inf
    return 1e6 * answered


def _wait(until: float) -> None:
    while (left := until - time.perf_counter()) > 0:
        if left > _SPIN:
            time.sleep(left - _SPIN)
