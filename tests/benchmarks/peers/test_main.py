"""The whole benchmark on a tiny network, with the engines that need no environment."""

import json

import pytest

from benchmarks.peers import __main__ as main_module
from benchmarks.peers import options
from benchmarks.peers.nets import NETS, Net
from benchmarks.peers.table import KEYS

OURS = ["tfsparse/int8", "tfsparse-c/int8", "tensorflow/fp32"]


@pytest.mark.long
def test_a_run_times_checks_and_writes(monkeypatch, capsys, tmp_path):
    monkeypatch.setitem(NETS, "dlrm", Net("dlrm", (32, 64, 16), (3,)))
    monkeypatch.setattr(main_module, "LOGS", tmp_path / "logs")
    file = tmp_path / "out.json"
    arguments = ["--nets", "dlrm", "--sparsities", "16x4@0.75", "--threads", "1", "--rounds", "2"]
    arguments += ["--seconds", "0.001", "--engines", *OURS, "--json", str(file)]
    result = main_module.main(arguments)
    assert json.loads(file.read_text()) == result
    assert result["not_timed"] == []
    assert [f"{row['engine']}/{row['precision']}" for row in result["rows"]] == OURS
    assert all(list(row) == list(KEYS) and row["ms_min"] > 0 for row in result["rows"])
    assert result["rows"][0]["vs_ours"] == 1.0
    assert set(result["versions"]) == {"tfsparse", "tfsparse-c", "tensorflow"}
    printed = capsys.readouterr()
    machine, header, *lines = printed.out.splitlines()
    assert "cores" in machine and header.split() == list(KEYS) and len(lines) == 3
    assert "built dlrm 32-64-16 16x4@0.75" in printed.err


def test_quick_is_a_small_choice():
    chosen = options.parse(["--quick"])
    assert (chosen.nets, chosen.batches, chosen.threads) == (["dlrm"], [64], [1])
    assert list(map(str, chosen.sparsities)) == ["dense", "4x1@0.9"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--sparsities", "4x1"], "should be 'dense' or 'AxB@SHARE'"),
        (["--batches", "0"], "should be a positive integer. Received: '0'"),
        (["--engines", "tflite"], "invalid choice"),
    ],
)
def test_what_cannot_be_chosen_is_told(capsys, arguments, message):
    with pytest.raises(SystemExit):
        options.parse(arguments)
    assert message in capsys.readouterr().err


def test_help_teaches(capsys):
    with pytest.raises(SystemExit):
        options.parse(["--help"])
    text = capsys.readouterr().out
    assert all(word in text for word in ("vs_ours", "--quick", "tfsparse-c", "480-1024"))
