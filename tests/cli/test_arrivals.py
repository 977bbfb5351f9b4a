"""Calls at random: latencies are from the arrival, and the rate that is found is the right one.

Times are made up: a clock that only moves where something waits or works.
"""

import signal
import threading
import time

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
    monkeypatch.setattr(arrivals, "_wait", lambda until, _: sleep(until - now[0]))
    return sleep


def test_a_queue_counts(clock):
    """By Pollaczek and Khinchine: the mean of a queue with fixed service at a load of 80%."""
    us = arrivals.poisson(lambda: clock(0.01), 80, 20_000, 1, 1e9, 99, seed=0)
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


@pytest.mark.parametrize(("percentile", "most"), [(99, 2), (50, 6), (0, 10), (100, 1)])
def test_calls_that_are_too_slow_alone(clock, percentile, most):
    calls = []

    def call():
        clock(0.01)
        calls.append(1)

    found = arrivals.find_rate(call, 100, 5_000, percentile, seconds=1, streams=1)
    assert found.best is None and not found.trials and len(calls) <= most
    assert found.alone_us == pytest.approx(10_000)


def test_no_rate_is_low_enough(clock):
    """Where a call is slow for its predecessors, not for its own sake."""
    found = arrivals.find_rate(lambda: clock(0.01), 1e6, 10_001, 99, seconds=1e-3, streams=1)
    assert found.best is None and len(found.trials) == 7
    assert all(np.isinf(trial.us).sum() > 190 for trial in found.trials), "each ended early"


def test_a_rare_slow_call_is_within_the_percentile(clock):
    calls = []

    def call():
        calls.append(1)
        clock(1.0 if len(calls) == 250 else 1e-6)

    found = arrivals.find_rate(call, 0.1, 5_000, 99, seconds=1, streams=1)
    assert all(trial.in_time for trial in found.trials)


@pytest.mark.parametrize("percentile", [0, 1, 50, 99, 99.9, 100])
@pytest.mark.parametrize("calls", [1, 10, 200, 201, 1001])
def test_as_many_calls_as_the_percentile_allows_may_be_late(percentile, calls):
    allowed = arrivals._allowed(calls, percentile)
    for late in (allowed, allowed + 1):
        us = np.repeat([1.0, 9.0], [calls - late, late])
        in_time = np.percentile(us, percentile, method="higher") < 5
        assert in_time == (late == allowed)


def test_a_rate_that_is_far_too_high_ends_early(clock):
    calls = []

    def call():
        clock(0.01)
        calls.append(1)

    us = arrivals.poisson(call, 1e4, 5_000, 1, 1_000, 99, seed=0)
    assert len(calls) < 100 and np.isinf(us).sum() > 4_900


def interrupt_once(calls, number):
    """A call that interrupts the main thread, as Ctrl-C does, when it is called for a time."""

    def call():
        calls.append(1)
        if len(calls) == number:
            signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)

    return call


def assert_all_ended(threads, calls):
    """Nothing is called any more, and there are soon as few threads as before."""
    made, end = len(calls), time.monotonic() + 5
    while threading.active_count() > threads:
        assert time.monotonic() < end
        time.sleep(0.001)
    assert len(calls) == made


@pytest.mark.usefixtures("interruptible")
@pytest.mark.parametrize("rate", [1e3, 1.0])
def test_an_interruption_ends_all_streams(rate):
    """Also those that wait for an arrival: at a call in a second all would take minutes."""
    before, calls = threading.active_count(), []
    with pytest.raises(KeyboardInterrupt):
        arrivals.poisson(interrupt_once(calls, 1), rate, 10**4, 3, 1e9, 99, seed=0)
    assert_all_ended(before, calls)


def test_several_streams_answer_at_once():
    barrier = threading.Barrier(2, timeout=10)
    us = arrivals.poisson(barrier.wait, 1e4, 6, 2, 1e9, 99, seed=0)
    assert np.isfinite(us).all()


def test_an_error_of_a_call_is_raised():
    def call():
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        arrivals.poisson(call, 1e6, 10, 2, 1e9, 99, seed=0)
