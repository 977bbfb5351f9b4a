"""A worker and its host speak to each other, and only one works at a time."""

import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from benchmarks.harness.worker_process import ROOT, WorkerError, WorkerProcess

ENGINE = "tests.benchmarks.harness.fake_engine"


def start(tmp_path, engine=ENGINE):
    return WorkerProcess(Path(sys.executable), engine, tmp_path / "log")


@pytest.fixture
def worker(tmp_path):
    np.save(tmp_path / "x3.npy", np.arange(3.0))
    with start(tmp_path) as process:
        yield process


def load(worker, tmp_path, precision="int8"):
    return worker.ask(do="load", case=str(tmp_path), precision=precision, batch=3, threads=2)


def state(pid):
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


def processor_ticks(pid):
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


def becomes(condition):
    end = time.monotonic() + 10
    while not condition() and time.monotonic() < end:
        time.sleep(0.01)
    return condition()


def test_loads_saves_and_times(worker, tmp_path):
    assert worker.version == "7.0"
    assert load(worker, tmp_path) == {"precision": "int8", "note": ""}
    worker.ask(do="save", file=str(tmp_path / "y.npz"))
    assert np.load(tmp_path / "y.npz")["y"].tolist() == [2, 3, 4]
    ms = worker.ask(do="time", seconds=0.01)["ms"]
    assert len(ms) > 1 and all(time >= 0 for time in ms) and sum(ms) <= 1000


def test_several_inputs_and_results_have_names(worker, tmp_path):
    np.savez(tmp_path / "x2.npz", ids=np.arange(2.0), mask=np.ones(2))
    request = {"case": str(tmp_path), "precision": "named", "batch": 2, "threads": 2}
    assert worker.ask(do="load", **request) == {"precision": "bf16", "note": "twice"}
    worker.ask(do="save", file=str(tmp_path / "y.npz"))
    with np.load(tmp_path / "y.npz") as results:
        assert {name: results[name].tolist() for name in results.files} == {
            "ids": [2, 3],
            "mask": [3, 3],
        }


def test_what_a_library_prints_is_logged_and_no_answer(worker, tmp_path):
    load(worker, tmp_path)
    assert "prints to standard output" in (tmp_path / "log").read_text()


def test_a_worker_stands_still_between_requests_even_if_it_spins(worker, tmp_path):
    load(worker, tmp_path, "spins")
    assert becomes(lambda: state(worker.pid) == "T")
    before = processor_ticks(worker.pid)
    time.sleep(0.2)
    assert processor_ticks(worker.pid) == before


def test_errors_are_told_and_leave_the_worker_at_work(worker, tmp_path):
    with pytest.raises(WorkerError, match="a model should be loaded first"):
        worker.ask(do="time", seconds=0)
    with pytest.raises(WorkerError, match="ValueError: no such precision"):
        load(worker, tmp_path, "fails")
    assert load(worker, tmp_path) == {"precision": "int8", "note": ""}
    with pytest.raises(WorkerError, match=r"should be load, save or time\. Received: 'dance'"):
        worker.ask(do="dance")


def test_a_worker_that_dies_says_why(worker, tmp_path):
    with pytest.raises(WorkerError, match=r"ended with code 5\. out of luck"):
        load(worker, tmp_path, "dies")
    with pytest.raises(WorkerError, match="it ended"):
        worker.ask(do="time", seconds=0)


def test_an_engine_that_is_not_there_is_an_error(tmp_path):
    with pytest.raises(WorkerError, match=r"ended with code 1\. .*no_such_engine"):
        start(tmp_path, "no_such_engine")


def test_closing_ends_a_stopped_worker(tmp_path):
    with start(tmp_path) as worker:
        assert becomes(lambda: state(worker.pid) == "T")
    assert not Path(f"/proc/{worker.pid}").exists()


def test_a_stopped_worker_ends_with_its_host(tmp_path):
    host = (
        "import os, pathlib, signal, sys\n"
        "from benchmarks.harness.worker_process import WorkerProcess\n"
        f"worker = WorkerProcess(pathlib.Path(sys.executable), {ENGINE!r}, pathlib.Path('log'))\n"
        "print(worker.pid, flush=True)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    command = [sys.executable, "-c", host.replace("'log'", repr(str(tmp_path / "log")))]
    run = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    pid = int(run.stdout)
    gone = ("Z", "X")
    assert becomes(lambda: not Path(f"/proc/{pid}").exists() or state(pid) in gone)
