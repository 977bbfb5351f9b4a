import json

import numpy as np
import pytest

import tfsparse
from tfsparse import ConstantSparsity, UpdatePruning
from tfsparse.pruning.binding import pruned_layers

from .helpers import BATCH, CLASSES, FEATURES, compile_model, data, dense_model


def trained(keras, model, **options):
    model = compile_model(keras, tfsparse.prune_block(model, **options))
    model.fit(*data(), batch_size=BATCH, verbose=0, callbacks=[UpdatePruning()])
    return model


def test_rows_say_what_is_in_the_kernels(keras):
    model = trained(keras, dense_model(keras), pattern="4x1", schedule=0.75)
    # One more zero, inside a block that is kept: an element, but not a block.
    kernel = next(pruned_layers(model)).pruning.kernels[0]
    values = kernel.variable.numpy()
    values[tuple(np.argwhere(values)[0])] = 0
    kernel.variable.assign(values)
    first, second = tfsparse.sparsity_report(model).kernels
    assert (first.layer, first.pattern, first.shape) == ("hidden", "4x1", (FEATURES, 16))
    assert first.target == 0.75
    assert first.element_sparsity == pytest.approx(0.75 + 1 / (FEATURES * 16))
    assert first.block_sparsity == pytest.approx(0.75)
    assert (second.layer, second.shape) == ("logits", (16, CLASSES))
    assert second.element_sparsity == second.block_sparsity == 0.75


def test_padding_does_not_count(keras):
    model = keras.Sequential([keras.Input((FEATURES,)), keras.layers.Dense(CLASSES + 1)])
    model = trained(keras, model, pattern="16x1", schedule=0.5)
    (row,) = tfsparse.sparsity_report(model).kernels
    assert row.element_sparsity == row.block_sparsity == 0.5


def test_table_is_aligned(keras):
    model = trained(keras, dense_model(keras), pattern="4x1", schedule=0.75)
    lines = str(tfsparse.sparsity_report(model)).splitlines()
    assert lines[0].split() == ["layer", "pattern", "shape", "target", "elements", "blocks"]
    assert lines[1].split() == ["hidden", "4x1", "(12,", "16)", "75.00%", "75.00%", "75.00%"]
    assert len({len(line) for line in lines[:3]}) == 1
    assert [line.index("4x1") for line in lines[1:3]] == [lines[0].index("pattern")] * 2
    assert "total sparsity of these kernels: 75.00%" in lines


def test_as_dict_is_json(keras):
    model = trained(keras, dense_model(keras), schedule=0.75, exclude=["logits"])
    report = json.loads(json.dumps(tfsparse.sparsity_report(model).as_dict()))
    assert report["kernels"] == [
        {
            "layer": "hidden",
            "pattern": "4x1",
            "shape": [FEATURES, 16],
            "target": 0.75,
            "element_sparsity": 0.75,
            "block_sparsity": 0.75,
        }
    ]
    assert report["total_sparsity"] == 0.75
    assert report["skipped"] == {"logits": "not passed to `prune_block`, or excluded"}
    assert report["notes"] == []


def test_plain_models_and_unbuilt_layers(keras):
    report = tfsparse.sparsity_report(dense_model(keras))
    assert report.kernels == () and set(report.skipped) == {"hidden", "logits"}
    assert str(report).startswith("No layer is pruned.")
    wrapper = tfsparse.prune_block(keras.layers.Dense(8, name="late"))
    assert tfsparse.sparsity_report([wrapper]).skipped == {"late": "wrapped, but not built yet"}


def test_nested_models_and_layers_without_a_kernel(keras):
    nested = keras.Sequential(
        [keras.Input((FEATURES,)), keras.layers.Dense(8, name="inner")], name="nested"
    )
    model = keras.Sequential(
        [keras.Input((FEATURES,)), nested, keras.layers.BatchNormalization(), keras.layers.ReLU()]
    )
    report = tfsparse.sparsity_report(tfsparse.prune_block(model))
    assert [row.layer for row in report.kernels] == ["inner"]
    assert report.skipped == {}


def test_a_schedule_that_never_ran_is_noted(keras):
    model = tfsparse.prune_block(dense_model(keras), schedule=ConstantSparsity(0.5, 0))
    notes = tfsparse.sparsity_report(model).notes
    assert [note.partition(":")[0] for note in notes] == ["hidden", "logits"]


def test_what_is_no_layer_is_named():
    with pytest.raises(ValueError, match="Keras 3 or tf_keras"):
        tfsparse.sparsity_report("model")
