"""Engines take turns, wrong ones are not timed, and figures are right where they can be known."""

import numpy as np
import pytest

from benchmarks.peers.case import CHECKED_ROWS, Case, checked_rows
from benchmarks.peers.nets import Net, Sparsity
from benchmarks.peers.turns import Timing, error_of, time_cell
from benchmarks.peers.worker_process import WorkerError

NET = Net("small", (3, 2), (4,))
RIGHT = np.arange(8.0).reshape(4, 2)


class FakeWorker:
    """Answers at once, and writes down whose turn it was."""

    def __init__(self, name, result, times, log, dies_in=None):
        self.name, self.result, self.times = name, result, list(times)
        self.log, self.dies_in = log, dies_in

    def ask(self, **request):
        self.log.append((self.name, request["do"]))
        if request["do"] == self.dies_in:
            raise WorkerError("gone")
        if request["do"] == "save":
            np.save(request["file"], self.result)
        return {"ms": self.times.pop(0)} if request["do"] == "time" else {}


@pytest.fixture
def case(tmp_path):
    return Case(NET, Sparsity("4x1", 0.5), tmp_path, {4: RIGHT}, 2.0, {})


def test_engines_take_turns_after_all_are_checked(case):
    log = []
    workers = {
        "a/int8": FakeWorker("a", RIGHT, [[3.0, 1.0], [2.0]], log),
        "b/fp32": FakeWorker("b", RIGHT.ravel(), [[5.0], [7.0]], log),
    }
    timings = time_cell(workers, case, 4, 1, rounds=2, seconds=0.1)
    asked = [("a", "load"), ("a", "save"), ("b", "load"), ("b", "save")]
    assert log == asked + 2 * [("a", "time"), ("b", "time")]
    assert (timings["a/int8"].median, timings["a/int8"].minimum) == (2.0, 1.0)
    assert (timings["b/fp32"].median, timings["b/fp32"].minimum) == (6.0, 5.0)


@pytest.mark.parametrize(
    ("label", "error", "wrong"),
    [
        ("a/fp32", 0.01, True),
        ("a/int8", 0.01, False),
        ("a/int8", 1.0, True),
        ("a/int8", np.nan, True),
    ],
)
def test_a_wrong_result_is_not_timed(case, label, error, wrong):
    log = []
    timing = time_cell(
        {label: FakeWorker("a", RIGHT + 2 * error, [[1.0]], log)}, case, 4, 1, 1, 0.1
    )[label]
    assert (("a", "time") not in log) == wrong
    assert timing.problem.startswith("wrong result") == wrong and (timing.median is None) == wrong


@pytest.mark.parametrize("request_", ["load", "save", "time"])
def test_an_engine_that_fails_is_left_out_and_the_others_go_on(case, request_):
    log = []
    workers = {
        "a/int8": FakeWorker("a", RIGHT, [[1.0], [1.0]], log, dies_in=request_),
        "b/int8": FakeWorker("b", RIGHT, [[5.0], [7.0]], log),
    }
    timings = time_cell(workers, case, 4, 1, rounds=2, seconds=0.1)
    assert timings["a/int8"] == Timing(problem="gone") and timings["b/int8"].median == 6.0
    assert log.count(("a", request_)) == 1


def test_errors_are_in_standard_deviations(case):
    assert error_of(RIGHT, case, 4) == 0
    assert error_of(RIGHT + 1, case, 4) == 0.5
    assert error_of(RIGHT[:3], case, 4) == float("inf")


def test_checked_rows_reach_from_the_first_to_the_last():
    assert checked_rows(1).tolist() == [0] and checked_rows(5).tolist() == [0, 1, 2, 3, 4]
    rows = checked_rows(3072)
    assert len(rows) == CHECKED_ROWS and (rows[0], rows[-1]) == (0, 3071)
