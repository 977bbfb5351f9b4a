"""The benchmark of many workers: its rate, and a run of what is always there."""

import json
import math

import pytest

from benchmarks import scale_out


def test_the_rate_is_that_of_the_time_in_which_all_work(tmp_path):
    """The second worker begins late and ends early; what the first does alone does not count."""
    first = "-2 -1 9\n-1 0 9\n"
    (tmp_path / "1").write_text(first + "0 1 100\n1 2 100\n2 3 100\n3 9 100\n")
    (tmp_path / "2").write_text(first + "1 2 50\n2 3 50\n")
    assert scale_out.steady_rate(tmp_path) == 150
    (tmp_path / "3").write_text(first + "20 21 1\n")
    assert math.isnan(scale_out.steady_rate(tmp_path))
    (tmp_path / "3").write_text(first)
    assert math.isnan(scale_out.steady_rate(tmp_path))


def test_a_short_run(tmp_path, capsys):
    file = tmp_path / "out.json"
    arguments = ["--ways", scale_out.ONE, "--examples", "400", "--batch", "10", "--width", "64"]
    assert scale_out.main([*arguments, "--workers", "2", "--json", str(file)]) == 0
    (record,) = json.loads(file.read_text())
    assert record["equal"]
    # A loaded machine may let one worker end before the other begins.
    rate = record["examples_per_second"]
    assert rate > 0 if rate is not None else "too few examples" in record["note"]
    assert "one process" in capsys.readouterr().out


def test_a_way_that_is_not_installed_is_shown(monkeypatch, capsys):
    def missing(*_):
        raise ImportError(name="ray")

    monkeypatch.setitem(scale_out.WAYS, "Ray", missing)
    arguments = ["--ways", "Ray", "--examples", "100", "--batch", "10", "--width", "64"]
    assert scale_out.main(arguments) == 0
    assert "not installed: ray" in capsys.readouterr().out


@pytest.mark.parametrize("name", [*scale_out.WAYS])
def test_every_way_has_a_sentence(name):
    assert scale_out.WAYS[name].__doc__
