"""Forms are made once, and an engine without one says why."""

import sys
from pathlib import Path

import pytest

from benchmarks.harness import child, environment
from benchmarks.harness.engine import Engine
from benchmarks.models import preparing

FIRST = Engine("first", "fp32", "none", forms=("onnx",))
SECOND = Engine("second", "int8", "none", forms=("onnx", "onnx_int8"))
NONE = Engine("none", "fp32", "none")


@pytest.fixture
def made(monkeypatch):
    """Modules that were run; `onnx_int8` fails."""
    log = []

    def run(module, request, python):
        log.append(module.rpartition(".")[2])
        if module.endswith("onnx_int8"):
            raise child.ChildError("ValueError: no")
        return {}

    monkeypatch.setattr(environment, "python_of", lambda *_, **__: Path(sys.executable))
    monkeypatch.setattr(child, "run", run)
    return log


def test_a_form_is_made_once_for_all_that_read_it(made, tmp_path):
    assert preparing.prepare(tmp_path, [NONE, FIRST, FIRST], True) == {}
    assert made == ["onnx"]


def test_who_lacks_a_form_says_why(made, tmp_path, capsys):
    problems = preparing.prepare(tmp_path, [FIRST, SECOND, SECOND], True)
    assert problems == {"second/int8": "form onnx_int8: ValueError: no"}
    assert made == ["onnx", "onnx_int8"]
    assert "onnx_int8 could not be made" in capsys.readouterr().err


def test_without_its_environment_there_is_no_form(monkeypatch, tmp_path):
    monkeypatch.setattr(environment, "FOLDER", tmp_path)
    problems = preparing.prepare(tmp_path, [FIRST], install=False)
    assert "not installed" in problems["first/fp32"]
