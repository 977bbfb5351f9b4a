"""The whole benchmark on a tiny model, with ours, TensorFlow and a fake peer."""

import json

import pytest

from benchmarks.harness.engine import Engine
from benchmarks.models import __main__ as main_module
from benchmarks.models import engine as engines
from benchmarks.models import options
from benchmarks.models.table import KEYS

TINY = "tests.benchmarks.models.tiny_model"
FAKE = Engine("openvino", "int8", "tests.benchmarks.models.fake_engine")


@pytest.fixture
def few_engines(monkeypatch, tmp_path):
    ours = [e for e in engines.ENGINES if e.label in ("tfsparse/int8", engines.SOURCE)]
    monkeypatch.setattr(engines, "ENGINES", (*ours, FAKE))
    monkeypatch.setattr(main_module, "LOGS", tmp_path / "logs")


@pytest.mark.long
def test_a_run_times_checks_profiles_and_writes(few_engines, capsys, tmp_path):
    file = tmp_path / "out.json"
    arguments = ["--models", TINY, "--patterns", "4x1@0.75", "--precisions", "int8"]
    arguments += ["--threads", "1", "--rounds", "2", "--seconds", "0.001", "--profile"]
    result = main_module.main([*arguments, "--json", str(file)])
    assert json.loads(file.read_text()) == result
    labels = [f"{row['engine']}/{row['precision']}" for row in result]
    assert labels == ["tfsparse/int8", "tensorflow/fp32", "openvino/int8"]
    assert all(list(row) == list(KEYS) and row["ms_min"] > 0 for row in result)
    assert result[0]["vs_ours"] == 1.0 and result[0]["batch"] == 3
    printed = capsys.readouterr()
    assert "1 threads of a fake" in printed.out and "ours in int8" in printed.out
    assert "built" in printed.err


def test_a_model_that_cannot_be_built_is_left_out(few_engines, capsys):
    arguments = ["--models", "no.such_model", "--precisions", "int8", "--batches", "1"]
    assert main_module.main(arguments) == []
    assert "no.such_model 4x1@0.9 is left out: ModuleNotFoundError" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--models", "alexnet"], "should be one of"),
        (["--patterns", "4x1"], "should be 'dense' or 'AxB@SHARE'"),
        (["--precisions", "int4"], "should be one of int8, bf16, fp32"),
        (["--engines", "tflite"], "should be one of"),
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
    assert all(word in text for word in ("vs_ours", "--profile", "bert_mini", "NNCF", "examples:"))
