"""Models that TFMOT pruned or clustered are reported on, stripped and exported."""

import importlib.util
import json
import pathlib
import subprocess
import sys

import pytest

from tfsparse import ops

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(
        importlib.util.find_spec("tensorflow_model_optimization") is None,
        reason="tensorflow_model_optimization is not installed",
    ),
    pytest.mark.skipif(not ops.library_path().exists(), reason="the op library is not built"),
]
SCRIPT = pathlib.Path(__file__).with_name("tfmot_models.py")
DENSE = ["tf_keras.Dense", "tf_keras.BatchNormalization", "tf_keras.Dropout", "tf_keras.Dense"]


def run(first):
    done = subprocess.run([sys.executable, str(SCRIPT), first], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.partition("FINDINGS")[2])


@pytest.fixture(scope="module")
def findings():
    return run("tfsparse")


@pytest.fixture(scope="module")
def with_tfmot_first():
    """The first of the findings when TFMOT is imported before tfsparse."""
    return run("tensorflow_model_optimization")


def rows(model, field):
    return {row["layer"]: row[field] for row in model["report"]["kernels"]}


@pytest.mark.parametrize(
    "name",
    [
        *("blocks", "clusters", "keep", "policy", "one", "convolutions"),
        *("attention", "attention clusters", "sparse clusters"),
    ],
)
def test_a_stripped_model_predicts_the_same(findings, name):
    assert findings[name]["same"]
    assert findings[name]["learned"], "the step before changed nothing, so this shows nothing"
    assert all(name.startswith("tf_keras.") for name in findings[name]["classes"])


@pytest.mark.parametrize("name", ["blocks", "clusters", "convolutions", "attention clusters"])
def test_an_exported_model_predicts_the_same(findings, name):
    assert findings[name]["served"] < 1e-5


@pytest.mark.long
def test_which_is_imported_first_makes_no_difference(findings, with_tfmot_first):
    one, other = findings["blocks"], with_tfmot_first["blocks"]
    assert other["same"] and other["learned"] and other["served"] < 1e-5
    assert other["classes"] == one["classes"] == DENSE
    assert rows(other, "pattern") == rows(one, "pattern")
    assert rows(other, "element_sparsity") == rows(one, "element_sparsity")


def test_blocks_are_named_our_way(findings):
    model = findings["blocks"]
    assert rows(model, "pattern") == {"hidden": "4x2", "logits": "4x2"}
    assert rows(model, "source") == {"hidden": "TFMOT", "logits": "TFMOT"}
    assert rows(model, "target") == {"hidden": 0.75, "logits": 0.75}
    assert rows(model, "block_sparsity") == {"hidden": 0.75, "logits": 0.75}
    assert model["names"] == ["hidden", "norm", "drop", "logits"]
    assert model["report"]["skipped"] == {} and model["report"]["notes"] == []
    assert model["text"].splitlines()[1].split()[-1] == "TFMOT"


def test_a_stripped_model_shows_the_same_sparsity(findings):
    for name in ("blocks", "keep", "convolutions"):
        model = findings[name]
        found = {layer: row["element_sparsity"] for layer, row in model["plain"].items()}
        assert found == rows(model, "element_sparsity")
    assert {row["pattern"] for row in findings["blocks"]["plain"].values()} == {"4x2"}


def test_zeros_of_many_are_ours_to_keep_of_many(findings):
    model = findings["keep"]
    assert rows(model, "pattern") == {"hidden": "1:4", "logits": "1:4"}
    assert rows(model, "target") == {"hidden": 0.75, "logits": 0.75}
    assert rows(model, "conforming") == {"hidden": 1.0, "logits": 1.0}
    assert rows(model, "element_sparsity") == {"hidden": 0.75, "logits": 0.75}


def test_layers_that_tfmot_leaves_are_skipped(findings):
    for name, wrapped, left in (("policy", "hidden", "logits"), ("one", "logits", "hidden")):
        assert rows(findings[name], "element_sparsity") == {wrapped: 0.75}
        assert set(findings[name]["report"]["skipped"]) == {left}


def test_kernels_of_every_kind(findings):
    shapes = rows(findings["convolutions"], "shape")
    assert shapes == {"conv": [3, 3, 8, 8], "separable": [1, 1, 8, 16], "logits": [16, 8]}
    assert set(rows(findings["convolutions"], "element_sparsity").values()) == {0.75}
    inside = [f"attention/{name}" for name in ("query", "key", "value", "attention_output")]
    assert rows(findings["attention"], "element_sparsity") == dict.fromkeys(
        [*inside, "logits"], 0.75
    )
    assert list(rows(findings["attention clusters"], "source")) == [*inside, "logits"]


def test_clusters_are_named_and_kept(findings):
    model = findings["clusters"]
    assert set(rows(model, "source").values()) == {"TFMOT (4 clusters)"}
    assert rows(model, "target") == {"hidden": None, "logits": None}
    for name in ("clusters", "attention clusters", "sparse clusters"):
        assert findings[name]["distinct"]
        assert all(2 <= count <= 4 for count in findings[name]["distinct"])


def test_zeros_that_clusters_keep_are_reported(findings):
    for layer, sparsity in rows(findings["sparse clusters"], "element_sparsity").items():
        assert sparsity >= 0.75, layer


def test_what_never_ran_is_noted(findings):
    assert findings["never"]["notes"] == ["hidden, logits: TFMOT has not pruned anything yet"]


def test_masks_survive_saving(findings):
    assert findings["reloaded"] == {"equal": True, "same": True}


def test_layers_alone_and_in_lists(findings):
    assert findings["single"] == {
        "classes": ["Dense", "Dropout"],
        "built": False,
        "skipped": {"late": "wrapped, but not built yet"},
    }
