"""The whole command on tiny models: what converts, what does not, what remembers."""

import json

import pytest

from benchmarks.conversions import __main__ as main_module
from benchmarks.conversions import options
from benchmarks.conversions.row import KEYS

TINY = "tests.benchmarks.conversions.tiny_models"


@pytest.mark.long
def test_rows_say_what_came_of_each(capsys, tmp_path):
    file = tmp_path / "out.json"
    models = ",".join(f"{TINY}:{name}" for name in ("dense", "broken", "counter"))
    arguments = ["--models", models, "--precisions", "int8", "--json", str(file)]
    result = main_module.main(arguments)
    assert json.loads(file.read_text()) == result
    assert all(list(row) == list(KEYS) for row in result)
    dense, broken, counter = result
    assert dense["error"] is None and dense["products"] == 2 and dense["difference"] <= 0.1
    assert dense["mb_after"] > 0 < dense["mb_before"] and dense["seconds"] > 0
    assert broken["error"] == "no source. RuntimeError: no such layer"
    assert (counter["products"], counter["difference"], counter["error"]) == (0, 0.0, None)
    printed = capsys.readouterr().out
    assert "no such layer" in printed and "of 2" in printed


def test_memory_is_bounded():
    (row,) = main_module.main(["--models", f"{TINY}:dense", "--memory", "0.05"])
    assert row["error"] == "no source. it was ended when it took more than 0.05 GB of memory"


def test_what_cannot_be_chosen_is_told(capsys):
    with pytest.raises(SystemExit):
        options.parse(["--models", "alexnet"])
    assert "should be one of hub_bert" in capsys.readouterr().err


def test_help_teaches(capsys):
    with pytest.raises(SystemExit):
        options.parse(["--help"])
    text = capsys.readouterr().out
    assert all(word in text for word in ("hub_bert", "dlrm_tables       *", "--memory"))
