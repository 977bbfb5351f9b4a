"""A small DLRM learns, is pruned in the layers that were named, and is converted whole."""

import keras
import numpy as np
import pytest
from dlrm import training
from dlrm.__main__ import parser
from dlrm.architecture import build, dense_layers_but
from dlrm.clicks import Clicks
from dlrm.scores import auc
from dlrm.sources import Recipe

import tfsparse

SIZES = [40] * 26


def clicks(count, seed):
    rng = np.random.default_rng(seed)
    dense = rng.random((count, 13), np.float32)
    ids = rng.integers(0, 40, (count, 26), np.int32)
    labels = (dense[:, 0] + (ids[:, 0] < 20) > 1).astype(np.float32)
    return Clicks(dense, ids, labels)


@pytest.mark.long
def test_trains_prunes_and_converts():
    keras.utils.set_random_seed(0)
    train, test = clicks(1536, 0), clicks(512, 1)
    model = build(SIZES, 16, (32, 16), (64, 64, 32, 1))
    training.fit(model, train, 6, seed=0)
    pruned = training.train_on(model, ("top_1",), train, Recipe(), seed=0)
    sparsity = {
        layer.name: np.mean(layer.kernel.numpy() == 0)
        for layer in pruned.layers
        if isinstance(layer, keras.layers.Dense)
    }
    assert sparsity.pop("top_1") == pytest.approx(0.85, abs=0.03)
    assert max(sparsity.values()) < 0.01
    for table in (layer for layer in pruned.layers if isinstance(layer, keras.layers.Embedding)):
        np.testing.assert_array_equal(table.embeddings, model.get_layer(table.name).embeddings)
    scores = [auc(test.labels, training._predicting(each)(test.inputs)) for each in (model, pruned)]
    converted = training.int8_of(pruned, train)
    scores.append(auc(test.labels, converted(test.inputs)))
    assert min(score.value for score in scores) > 0.7
    assert abs(scores[2].value - scores[1].value) < 0.02


@pytest.mark.long
def test_what_pruned_models_are_compared_with_trains_on_as_well():
    keras.utils.set_random_seed(0)
    train = clicks(512, 0)
    model = build(SIZES, 16, (32, 16), (64, 64, 32, 1))
    before = model.get_weights()
    dense = training.train_on(model, (), train, Recipe(), seed=0)
    for one, other in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    assert (dense.get_layer("top_1").kernel.numpy() != model.get_layer("top_1").kernel).any()


def test_a_source_has_its_own_recipe_unless_another_is_asked_for():
    plain = training.read(parser().parse_args(["train", "--source=planted", "--views=64"]))
    assert len(plain.train.labels) == 64 and len(plain.test.labels) == 32
    assert plain.recipe == Recipe()
    asked = ["train", "--source=planted", "--views=2", "--epochs=7", "--pruning-epochs=8"]
    assert training.read(parser().parse_args(asked)).recipe == Recipe(7, 8)


def test_the_whole_model_is_three_ops():
    keras.utils.set_random_seed(0)
    model = build(SIZES, 16, (128, 16), (128, 128, 1))
    converted = tfsparse.convert(
        model,
        "int8",
        clicks(64, 0).inputs,
        embeddings="int8",
        overrides=dict.fromkeys(dense_layers_but((), model), "convert"),
    )
    ops = [node.op for node in converted.graph_def().node if node.op.startswith("Tfsparse>")]
    assert sorted(ops) == [
        "Tfsparse>LookupInteraction",
        "Tfsparse>QuantizedBlockSparseMatMulChain",
        "Tfsparse>QuantizedBlockSparseMatMulChain",
    ]


def test_the_summary_is_relative_to_the_first():
    labels = np.array([0, 0, 1, 1, 0, 1])
    good, bad = np.arange(6), np.array([0, 3, 2, 4, 1, 5])
    scores = {"one": [(auc(labels, good), 0.5)] * 2, "other": [(auc(labels, bad), 0.4)] * 2}
    one, other = training.summary(scores)
    assert one["relative_auc"] == 1 and one["relative_auc_standard_error"] == 0
    assert other["relative_auc"] == pytest.approx(other["auc"] / one["auc"])
    assert "| other |" in training.table([one, other])
