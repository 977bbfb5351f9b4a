"""Engines that cannot run here are left out, and why is said."""

import contextlib
import sys
from pathlib import Path

from benchmarks.harness import environment
from benchmarks.harness.engine import Engine
from benchmarks.harness.starting import find_engines, start_workers

HERE = Engine("fake", "int8", "tests.benchmarks.harness.fake_engine")
ELSEWHERE = Engine("openvino", "int8", "anything", "openvino")


def test_engines_that_are_not_installed_are_left_out(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(environment, "FOLDER", tmp_path)
    assert find_engines([ELSEWHERE, HERE], install=False) == {HERE: Path(sys.executable)}
    assert "openvino/int8 is left out: not installed" in capsys.readouterr().err


def test_engines_that_do_not_start_are_left_out(capsys, tmp_path):
    missing = Engine("missing", "fp32", "no_such_engine")
    versions = {}
    with contextlib.ExitStack() as stack:
        pythons = dict.fromkeys([missing, HERE], Path(sys.executable))
        workers = start_workers(pythons, tmp_path / "logs", stack, versions)
        assert list(workers) == ["fake/int8"] and versions == {"fake": "7.0"}
    assert "missing/fp32 is left out: it ended with code 1" in capsys.readouterr().err
