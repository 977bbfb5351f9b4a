"""Engines take turns, wrong ones are not timed, and figures are right where they can be known."""

import numpy as np
import pytest

from benchmarks.harness.turns import time_cell
from benchmarks.harness.worker_process import WorkerError

TOLERANCE = {"fp32": 1e-3, "int8": 0.25}
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
            np.savez(request["file"], y=self.result)
        if request["do"] == "time":
            return {"ms": self.times.pop(0)}
        return {"precision": "as asked", "note": ""} if request["do"] == "load" else {}


class FakeCase:
    """Knows the right results of one batch."""

    def __init__(self, folder):
        self.folder = folder

    def error_of(self, results, batch):
        assert batch == 4
        return float(np.abs(results["y"].reshape(4, 2) - RIGHT).max())


@pytest.fixture
def case(tmp_path):
    return FakeCase(tmp_path)


def test_engines_take_turns_after_all_are_checked(case):
    log = []
    workers = {
        "a/int8": FakeWorker("a", RIGHT, [[3.0, 1.0], [2.0]], log),
        "b/fp32": FakeWorker("b", RIGHT.ravel(), [[5.0], [7.0]], log),
    }
    timings = time_cell(workers, case, 4, 1, 2, 0.1, TOLERANCE)
    asked = [("a", "load"), ("a", "save"), ("b", "load"), ("b", "save")]
    assert log == asked + 2 * [("a", "time"), ("b", "time")]
    assert (timings["a/int8"].error, timings["a/int8"].precision) == (0, "as asked")
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
        {label: FakeWorker("a", RIGHT + error, [[1.0]], log)}, case, 4, 1, 1, 0.1, TOLERANCE
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
    timings = time_cell(workers, case, 4, 1, 2, 0.1, TOLERANCE)
    assert (timings["a/int8"].problem, timings["a/int8"].ms) == ("gone", [])
    assert timings["b/int8"].median == 6.0
    assert log.count(("a", request_)) == 1
