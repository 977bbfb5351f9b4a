"""The load generator drives a server, and the highest rate is found."""

import argparse

import numpy as np
import pytest
from dlrm import load
from dlrm.__main__ import EXAMPLES, parser
from dlrm.queries import draw


class Line:
    """A server whose latency is 10 ms up to 60 queries a second, and too long beyond."""

    def run(self, *, qps, limit_ms, **_):
        return {"qps": qps, "p99_ms": 10.0 if qps <= 60 else 2 * limit_ms}


@pytest.mark.parametrize("offline", [70, 100, 600])
def test_finds_the_highest_rate(offline):
    found = load.highest_rate(Line(), offline, 1, 30)
    assert found["qps"] <= 60 and found["p99_ms"] == 10
    assert found["qps"] > 60 - offline / 6


def test_one_disturbed_run_of_a_rate_does_not_count():
    class Disturbed(Line):
        runs = 0

        def run(self, *, limit_ms, **more):
            self.runs += 1
            return (
                {"qps": 1.0, "p99_ms": 99.0}
                if self.runs % 2
                else super().run(limit_ms=limit_ms, **more)
            )

    assert 60 - 100 / 6 < load.highest_rate(Disturbed(), 100, 1, 30)["qps"] <= 60


def test_says_where_no_rate_holds():
    class Slow:
        def run(self, **_):
            return {"qps": 1.0, "p99_ms": 99.0}

    assert load.highest_rate(Slow(), 10, 1, 30) == {"qps": 0.0, "p99_ms": 0.0}


def test_a_run_of_the_generator():
    lg = pytest.importorskip("mlperf_loadgen")
    from dlrm.generator import Runner

    runner = Runner(lg, lambda dense, ids: dense[:, :1] + ids[:, :1], draw(16, [9], "zipf"), 500)
    offline = runner.run({"scenario": "Offline", "seconds": 0.2, "qps": 500})
    server = runner.run({"scenario": "Server", "seconds": 0.2, "qps": 500, "limit_ms": 1000})
    assert offline["qps"] > 0 and server["qps"] > 0
    assert np.isfinite(server["p99_ms"])


def test_the_table():
    row = {
        "about": "an engine",
        "offline_qps": 100.0,
        "server_qps": 0.0,
        "server_p99_ms": 0.0,
        "offline_us_per_item_and_core": 74.07,
        "server_us_per_item_and_core": None,
    }
    assert load.table([row]).splitlines()[-1] == "| an engine | 100.0 | 0.0 | 0.0 | 74.07 | - |"


def test_examples_of_the_help_can_be_typed():
    commands = [line.split()[3:] for line in EXAMPLES.splitlines() if "python -m" in line]
    assert len(commands) == 5
    for command in commands:
        assert isinstance(parser().parse_args(command), argparse.Namespace)
