"""The benchmark of many workers: its rate, and a run of what is always there."""

import json
import math
import os
import threading

import numpy as np
import pytest

from benchmarks.scale_out import __main__ as scale_out
from benchmarks.scale_out.notes import Batch, by_thread, noted, read, steady_rate
from benchmarks.scale_out.workloads import WORKLOADS


def test_the_rate_is_that_of_the_time_in_which_all_work():
    """The second worker begins late and ends early; what the first does alone does not count.

    Of the time from 1 to 5 in which both work, the second half counts.
    """
    first = [Batch(0, 1, 100), Batch(1, 2, 1), Batch(2, 3, 1), Batch(3, 4, 100), Batch(4, 9, 500)]
    second = [Batch(1, 3, 7), Batch(3, 4, 50), Batch(4, 5, 50)]
    assert steady_rate([first, second]) == 150
    assert math.isnan(steady_rate([first, second, [Batch(20, 21, 1)]]))
    assert math.isnan(steady_rate([first, []]))
    assert math.isnan(steady_rate([]))


def test_what_workers_note(tmp_path):
    both = threading.Barrier(2)

    def work():
        both.wait()  # a thread that ends gives its number to the next one
        for size in (9, 9, 5, 6):
            with noted(tmp_path, size, by_thread):
                pass
        both.wait()

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with noted(tmp_path, 3):
        pass
    assert (tmp_path / str(os.getpid())).exists()
    found = read(tmp_path)
    counted = [[batch.examples for batch in worker] for worker in found]
    assert sorted(counted) == [[], [5, 6], [5, 6]], "the first two of a worker do not count"
    assert all(batch.start <= batch.end for worker in found for batch in worker)


def test_a_short_run(tmp_path, capsys):
    file = tmp_path / "out.json"
    arguments = ["--model", "idle", "--ways", scale_out.ONE, "--examples", "400", "--batch", "10"]
    assert scale_out.main([*arguments, "--workers", "2", "--json", str(file)]) == 0
    (record,) = json.loads(file.read_text())
    assert record["equal"] and record["model"] == "idle"
    # A loaded machine may let one worker end before the other begins.
    rate = record["examples_per_second"]
    assert rate > 0 if rate is not None else "too few examples" in record["note"]
    assert "one process" in capsys.readouterr().out


def test_results_in_another_order_are_equal_and_others_are_not():
    x = np.random.default_rng(0).normal(size=(50, 3))
    assert scale_out._are_equal(x, x[::-1])
    swapped = x.copy()
    swapped[[0, 1], 0] = x[[1, 0], 0]
    assert not scale_out._are_equal(x, swapped), "a column that is in another order alone"
    assert not scale_out._are_equal(x, x[1:])


def test_a_way_that_is_not_installed_is_shown(monkeypatch, capsys):
    def missing(*_):
        raise ImportError(name="ray")

    monkeypatch.setitem(scale_out.WAYS, "Ray", missing)
    arguments = ["--model", "idle", "--ways", "Ray", "--examples", "100", "--batch", "10"]
    assert scale_out.main(arguments) == 0
    assert "not installed: ray" in capsys.readouterr().out


@pytest.mark.parametrize("name", WORKLOADS)
def test_examples_are_the_same_each_time(name):
    draw = WORKLOADS[name].draw
    np.testing.assert_array_equal(draw(20), draw(20))
