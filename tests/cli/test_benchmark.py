"""`tfsparse benchmark`: every cell is there, outputs are compared, and so are earlier figures."""

import json
import sys
import threading

import numpy as np
import pytest

from tests.cli.test_arrivals import assert_all_ended, interrupt_once
from tfsparse.cli import benchmark, benchmark_plot, exit_codes
from tfsparse.cli.benchmark_report import read_results
from tfsparse.cli.command import CommandError
from tfsparse.cli.timing import Timing, time_in_turns

QUICK = ["--seconds", "0.05", "--warm_up", "0"]


def test_a_cell_for_each_model_batch_and_number_of_threads(run_json, files):
    models = [str(files / "dense.keras"), str(files / "sparse")]
    code, found = run_json(
        "benchmark", *models, "--batch", "1,3", "--percentiles", "50,99.9", "--streams", 2, *QUICK
    )
    assert code == 0
    cells = [(each["model"], each["batch"], each["threads"]) for each in found["results"]]
    assert cells == [(model, batch, 1) for batch in (1, 3) for model in models]
    for each in found["results"]:
        assert 0 < each["percentiles_us"]["50"] <= each["percentiles_us"]["99.9"]
        assert each["calls"] >= 10 and each["examples_per_second"] > 0 and each["streams"] == 2
    assert {each["model"] for each in found["agreement"]} == {models[1]}
    assert all(each["relative_error"] > 0.1 for each in found["agreement"]), "other weights"


def test_the_same_model_agrees(run_json, files):
    code, found = run_json(
        "benchmark", files / "sparse.keras", files / "sparse", "--data", files / "data.npz", *QUICK
    )
    assert code == 0
    assert all(each["relative_error"] < 1e-5 for each in found["agreement"])


def test_models_that_cannot_be_compared(run_json, files):
    code, found = run_json(
        "benchmark", files / "dense.keras", files / "cnn.h5", "--batch", 1, *QUICK
    )
    assert code == exit_codes.DIFFERENT
    assert found["agreement"][0]["problem"]


def test_beside_an_earlier_time(run, run_json, files, tmp_path):
    arguments = ["benchmark", files / "sparse", "--batch", "1", *QUICK]
    _, found = run_json(*arguments)
    file = tmp_path / "before.json"
    for factor, code in ((1000.0, exit_codes.OK), (0.001, exit_codes.DIFFERENT)):
        found["results"][0]["median_us"] *= factor
        file.write_text(json.dumps(found))
        found["results"][0]["median_us"] /= factor
        done, out, _ = run(*arguments, "--compare", file, "--max_slowdown", "2")
        assert done == code and "than before" in out
        assert ("Takes more than 2 times as long as in" in out) == (code != exit_codes.OK)
    file.write_text("{}")
    assert run(*arguments, "--compare", file)[0] == exit_codes.REFUSED


@pytest.mark.parametrize(
    "median", [0, -1, "12", None, float("nan"), float("inf"), pytest.param(10**400, id="huge")]
)
def test_medians_that_are_none(tmp_path, median):
    row = {"model": "a", "batch": 1, "threads": 1, "streams": 1, "median_us": 12}
    file = tmp_path / "before.json"
    file.write_text(json.dumps({"results": [row]}))
    assert read_results(str(file)) == {("a", 1, 1, 1): 12.0}
    file.write_text(json.dumps({"results": [row | {"median_us": median}]}))
    with pytest.raises(CommandError, match="--compare should be"):
        read_results(str(file))


@pytest.mark.parametrize("columns", ["80", "120"])
def test_tables(run, files, monkeypatch, columns):
    monkeypatch.setenv("COLUMNS", columns)
    code, out, _ = run("benchmark", files / "dense.keras", files / "sparse", "--profile", *QUICK)
    assert code == 0 and "MatMul" in out and "Outputs beside those of the first" in out
    assert max(map(len, out.splitlines())) <= int(columns)


def test_data_that_lack_an_input(run, files, tmp_path):
    np.savez(tmp_path / "other.npz", y=np.zeros(3))
    code, _, err = run("benchmark", files / "sparse", "--data", tmp_path / "other.npz", *QUICK)
    assert code == exit_codes.REFUSED and "without ['x']" in err


@pytest.mark.parametrize("shape", [(0, 128), ()])
def test_data_without_rows(run, files, tmp_path, shape):
    np.savez(tmp_path / "none.npz", x=np.zeros(shape, np.float32))
    code, _, err = run("benchmark", files / "sparse", "--data", tmp_path / "none.npz", *QUICK)
    assert code == exit_codes.REFUSED and "--data should have examples. Received: none" in err


def test_turns_time_every_call():
    calls = {"one": 0, "two": 0}

    def counted(name):
        def call():
            calls[name] += 1

        return call

    timings = time_in_turns({name: counted(name) for name in calls}, 0.0, 0.02, 3)
    for name, timing in timings.items():
        assert len(timing.us) == calls[name] - 3, "a call for each stream warms up"
        assert timing.calls_per_second() == pytest.approx(len(timing.us) / timing.seconds)


def test_an_error_of_a_stream_is_raised():
    def fail():
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        time_in_turns({"one": fail}, 0.0, 0.0, 2)


@pytest.mark.usefixtures("interruptible")
def test_an_interruption_ends_all_streams():
    before, calls = threading.active_count(), []
    with pytest.raises(KeyboardInterrupt):
        time_in_turns({"one": interrupt_once(calls, 9)}, 0.0, 100.0, 3)
    assert_all_ended(before, calls)


def test_percentiles():
    timing = Timing(list(range(101)), 1.0)
    assert (timing.percentile(50), timing.percentile(99.5)) == (50, 99.5)


def test_calls_at_random(run_json, run, files, tmp_path):
    arguments = ["benchmark", files / "sparse", "--batch", "1,8", *QUICK]
    plot = tmp_path / "plot.png"
    code, found = run_json(*arguments, "--limit_us", 1e6, "--plot", plot)
    assert code == 0 and plot.read_bytes().startswith(b"\x89PNG")
    for each in found["results"]:
        poisson = each["poisson"]
        rates = [trial["calls_per_second"] for trial in poisson["trials"]]
        assert rates == sorted(rates) and rates[0] > 0
        assert poisson["calls_per_second"] == rates[-1], "a second is enough at any rate"
        assert poisson["examples_per_second"] == each["batch"] * rates[-1]
    code, out, _ = run(*arguments, "--limit_us", 0.001, "--limit_percentile", 50)
    assert code == 0 and "p50 of at most 0 us" in out and "no rate was tried" in out


def test_a_plot_of_batches(run, files, tmp_path):
    arguments = ["benchmark", files / "sparse", files / "dense.keras", *QUICK]
    assert run(*arguments, "--plot", tmp_path / "plot.svg")[0] in (0, exit_codes.DIFFERENT)
    drawn = (tmp_path / "plot.svg").read_text()
    assert "examples per second" in drawn and "dense.keras, 1 thread" in drawn


@pytest.mark.parametrize("name", ["plot.xyz", "plot", "no folder/plot.png"])
def test_a_plot_that_cannot_be_written_is_refused_at_once(run, files, tmp_path, monkeypatch, name):
    monkeypatch.setattr(benchmark, "as_saved_model", lambda _: pytest.fail("loaded a model"))
    code, out, err = run("benchmark", files / "sparse", *QUICK, "--plot", tmp_path / name)
    assert code == exit_codes.REFUSED and not out
    assert "--plot should be a file" in err and name in err


def test_matplotlib_is_missed_at_once(run, files, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.backend_bases", None)
    monkeypatch.setattr(benchmark, "as_saved_model", lambda _: pytest.fail("loaded a model"))
    code, out, err = run("benchmark", files / "sparse", *QUICK, "--plot", "plot.png")
    assert code == exit_codes.ENVIRONMENT and not out and "pip install matplotlib" in err


def test_results_are_printed_before_a_plot_fails(run_json, files, tmp_path, monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device", "plot.png")

    monkeypatch.setattr(benchmark_plot, "save_figure", full)
    code, found = run_json("benchmark", files / "sparse", *QUICK, "--plot", tmp_path / "plot.png")
    assert code == exit_codes.REFUSED and found["results"]
