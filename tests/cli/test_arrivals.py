"""Calls at random: latencies are from the arrival, and the rate that is found is the right one.

Times are made up: a clock that only moves where something waits or works.
"""

import threading

import numpy as np
import pytest

from tfsparse.cli import arrivals


@pytest.fixture
def clock(monkeypatch):
    """A clock of one thread; gives a function that works for some seconds."""
    now = [0.0]

    def sleep(seconds):
        now[0] += max(seconds, 1e-7)

    monkeypatch.setattr(arrivals.time, "perf_counter", lambda: now[0])
    monkeypatch.setattr(arrivals.time, "sleep", sleep)
    monkeypatch.setattr(arrivals, "_SPIN", 0.0)
    return sleep


def test_a_queue_counts(clock):
    """By Pollaczek and Khinchine: the mean of a queue with fixed service at a load of 80%."""
    us = arrivals.poisson(lambda: clock(0.01), 80, 20_000, 1, 1e9, seed=0)
    mean = 10_000 * (1 + 0.8 / (2 * (1 - 0.8)))
    assert us.min() >= 10_000 * 0.999
    assert us.mean() == pytest.approx(mean, rel=0.1)


def test_the_highest_rate_in_time(clock):
    found = arrivals.find_rate(lambda: clock(0.01), 100, 50_000, 99, seconds=100, streams=1)
    best = found.best
    assert best.percentile(99) <= 50_000
    too_high = [t for t in found.trials if t.rate > best.rate]
    assert too_high and all(t.percentile(99) > 50_000 for t in too_high)
    assert 50 < best.rate < 65, "Lindley's recursion gives 0.055 s at a rate of 60"


def test_no_rate_is_low_enough(clock):
    found = arrivals.find_rate(lambda: clock(0.01), 100, 5_000, 99, seconds=1, streams=1)
    assert found.best is None
    assert len(found.trials) == 7


def test_a_rate_that_is_far_too_high_ends_early(clock):
    calls = []
    us = arrivals.poisson(lambda: (clock(0.01), calls.append(1)), 1e4, 5_000, 1, 1_000, seed=0)
    assert len(calls) < 100 and np.isinf(us).sum() > 4_900


def test_several_streams_answer_at_once():
    barrier = threading.Barrier(2, timeout=10)
    us = arrivals.poisson(barrier.wait, 1e4, 6, 2, 1e9, seed=0)
    assert np.isfinite(us).all()


def test_an_error_of_a_call_is_raised():
    def call():
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        arrivals.poisson(call, 1e6, 10, 2, 1e9, seed=0)
