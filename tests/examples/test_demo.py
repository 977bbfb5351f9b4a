import dataclasses
import json
import subprocess
import sys

import demo
import pytest

from tests.conftest import ROOT


def test_the_whole_way_of_a_network_that_hardly_learns(monkeypatch, tmp_path, capsys):
    network = dataclasses.replace(demo.NETWORKS[1], epochs=1, prunings=(("4x1", 0.75),))
    monkeypatch.setattr(demo, "NETWORKS", (network,))
    monkeypatch.setattr(sys, "argv", ["demo.py", "--out", str(tmp_path), "--batch", "8"])
    demo.main()
    rows = json.loads((tmp_path / "demo.json").read_text())["rows"]
    assert [(row["pattern"], row["precision"], row["batch"]) for row in rows] == [
        *(("dense", precision, 8) for precision in ("fp32", "int8")),
        ("4x1", "int8", 8),
    ]
    assert rows[-1]["sparsity"] > 0.7
    assert "digits-cnn  4x1" in capsys.readouterr().out


@pytest.mark.long
def test_it_loses_no_accuracy(tmp_path):
    command = [sys.executable, "examples/demo.py", "--out", str(tmp_path), "--batch", "64"]
    subprocess.run(command, cwd=ROOT, check=True)
    rows = json.loads((tmp_path / "demo.json").read_text())["rows"]
    for name in {row["model"] for row in rows}:
        accuracies = [row["accuracy"] for row in rows if row["model"] == name]
        assert min(accuracies) > max(accuracies) - 0.02
