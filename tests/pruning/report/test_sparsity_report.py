import json

import numpy as np
import pytest

import tfsparse
from tfsparse import ConstantSparsity, UpdatePruning
from tfsparse.pruning.binding import pruned_layers

from ..helpers import BATCH, CLASSES, FEATURES, compile_model, data, dense_model
from .kernels import sparse_matrices

pytestmark = pytest.mark.one_keras

NOT_PRUNED = "not passed to `prune_block`, or excluded"


def trained(keras, model, **options):
    model = compile_model(keras, tfsparse.prune_block(model, **options))
    model.fit(*data(), batch_size=BATCH, verbose=0, callbacks=[UpdatePruning()])
    return model


def set_kernel(layer, matrices):
    """Sets the kernel (in, out) of a built Dense layer to a matrix (1, out, in)."""
    layer.kernel.assign(matrices[0].T)


def sparse_dense(keras, pattern="4x1", sparsity=0.75, units=16, name="hidden", **options):
    """A built Dense layer that nothing prunes, with zeros of a pattern."""
    layer = keras.layers.Dense(units, name=name, **options)
    layer.build((None, FEATURES))
    set_kernel(layer, sparse_matrices((1, units, FEATURES), pattern, sparsity))
    return layer


def test_rows_say_what_is_in_the_kernels(keras):
    model = trained(keras, dense_model(keras), pattern="4x1", schedule=0.75)
    # One more zero, inside a block that is kept: an element, but not a block.
    kernel = next(pruned_layers(model)).pruning.kernels[0]
    values = kernel.variable.numpy()
    values[tuple(np.argwhere(values)[0])] = 0
    kernel.variable.assign(values)
    first, second = tfsparse.sparsity_report(model).kernels
    assert (first.layer, first.pattern, first.shape) == ("hidden", "4x1", (FEATURES, 16))
    assert (first.target, first.source) == (0.75, "tfsparse")
    assert first.element_sparsity == pytest.approx(0.75 + 1 / (FEATURES * 16))
    assert first.block_sparsity == pytest.approx(0.75)
    assert (second.layer, second.shape) == ("logits", (16, CLASSES))
    assert second.element_sparsity == second.block_sparsity == 0.75


def test_a_pruned_kernel_is_seen_through_its_mask(keras):
    model = trained(keras, dense_model(keras), schedule=0.75)
    for kernel in next(pruned_layers(model)).pruning.kernels:
        kernel.variable.assign(np.ones(kernel.view.shape, "float32"))
    assert tfsparse.sparsity_report(model).kernels[0].element_sparsity == 0.75


def test_padding_does_not_count(keras):
    model = keras.Sequential([keras.Input((FEATURES,)), keras.layers.Dense(CLASSES + 1)])
    model = trained(keras, model, pattern="16x1", schedule=0.5)
    (row,) = tfsparse.sparsity_report(model).kernels
    assert row.element_sparsity == row.block_sparsity == 0.5


def test_another_pattern_may_be_measured(keras):
    model = trained(keras, dense_model(keras), pattern="4x1", schedule=0.75, exclude=["logits"])
    report = tfsparse.sparsity_report(model, pattern="2x1")
    assert [(row.layer, row.pattern) for row in report.kernels] == [
        ("hidden", "2x1"),
        ("logits", "2x1"),
    ]
    assert [row.block_sparsity for row in report.kernels] == [0.75, 0.0]
    assert [row.source for row in report.kernels] == ["tfsparse", "dense"]
    assert report.skipped == {}
    coarse = tfsparse.sparsity_report(model, pattern="8x1").kernels[0].block_sparsity
    assert coarse < 0.75


def test_a_stripped_model_shows_what_is_in_it(keras):
    model = trained(keras, dense_model(keras), pattern="4x1", schedule=0.75, exclude=["logits"])
    report = tfsparse.sparsity_report(tfsparse.strip_pruning(model))
    (row,) = report.kernels
    assert (row.layer, row.pattern, row.source, row.target) == ("hidden", "4x1", "found", None)
    assert row.element_sparsity == row.block_sparsity == 0.75
    assert report.skipped == {"logits": NOT_PRUNED}
    assert report.notes == ("found: no mask holds these zeros; a pattern is read off them",)


def test_a_few_zeros_make_no_sparse_kernel_and_all_zeros_neither(keras):
    few, none = (sparse_dense(keras, sparsity=0.0, name=name) for name in ("few", "none"))
    values = few.kernel.numpy()
    values.flat[:5] = 0
    few.kernel.assign(values)
    none.kernel.assign(np.zeros_like(values))
    report = tfsparse.sparsity_report([few, none])
    assert report.kernels == () and report.skipped == {"few": NOT_PRUNED, "none": NOT_PRUNED}
    assert [row.source for row in tfsparse.sparsity_report([few, none], "4x1").kernels] == [
        "dense",
        "dense",
    ]


def test_groups_are_measured_one_by_one(keras):
    model = keras.Sequential(
        [keras.Input((4, 4, 8)), keras.layers.Conv2D(12, 1, groups=2, name="conv")]
    )
    # Zero are the last two channels of the first group and the first two of the second:
    # four in a row, but no block of four in either.
    kernel = np.ones((1, 1, 4, 12), "float32")
    kernel[..., 4:8] = 0
    model.layers[-1].kernel.assign(kernel)
    assert tfsparse.sparsity_report(model, "2x1").kernels[0].block_sparsity == pytest.approx(1 / 3)
    assert tfsparse.sparsity_report(model, "4x1").kernels[0].block_sparsity == pytest.approx(1 / 6)


@pytest.mark.parametrize(("pattern", "schedule"), [("2:4", None), ("channel", 0.5)])
def test_patterns_without_blocks_of_a_size(keras, pattern, schedule):
    model = trained(keras, dense_model(keras), pattern=pattern, schedule=schedule)
    for row in tfsparse.sparsity_report(model).kernels:
        assert (row.pattern, row.target, row.element_sparsity) == (pattern, 0.5, 0.5)
        assert (row.conforming, row.block_sparsity) == (
            (1.0, None) if pattern == "2:4" else (None, 0.5)
        )


def attention_model(keras):
    inputs = keras.Input((6, 8))
    inner = keras.Input((6, 8))
    attended = keras.layers.MultiHeadAttention(2, 4, name="attention")(inner, inner)
    encoder = keras.Model(inner, attended, name="encoder")
    return keras.Model(inputs, keras.layers.Dense(8, name="logits")(encoder(inputs)))


def test_kernels_of_a_composite_layer_are_named_by_path(keras):
    model = tfsparse.prune_block(attention_model(keras), "4x1", 0.5, exclude=["key"])
    report = tfsparse.sparsity_report(model)
    assert {row.layer for row in report.kernels} == {
        "encoder/attention/query",
        "encoder/attention/value",
        "encoder/attention/attention_output",
        "logits",
    }
    assert report.skipped == {"encoder/attention/key": NOT_PRUNED}


def test_what_is_left_inside_a_pruned_layer_is_named_one_by_one(keras):
    model = tfsparse.prune_block(
        attention_model(keras), "4x1", tfsparse.OneShot(0.5), exclude=["key", "value", "logits"]
    )
    left = {f"encoder/attention/{name}": NOT_PRUNED for name in ("key", "value")}
    for one in (model, tfsparse.strip_pruning(model)):
        report = tfsparse.sparsity_report(one)
        assert [row.layer.rpartition("/")[2] for row in report.kernels] == [
            "query",
            "attention_output",
        ]
        assert report.skipped == {**left, "logits": NOT_PRUNED}


def test_attention_that_is_not_pruned_is_one_line(keras):
    report = tfsparse.sparsity_report(attention_model(keras))
    assert report.skipped == {"encoder/attention": NOT_PRUNED, "logits": NOT_PRUNED}


def test_nested_models_and_layers_without_a_kernel(keras):
    nested = keras.Sequential(
        [keras.Input((FEATURES,)), keras.layers.Dense(8, name="inner")], name="nested"
    )
    model = keras.Sequential(
        [keras.Input((FEATURES,)), nested, keras.layers.BatchNormalization(), keras.layers.ReLU()]
    )
    report = tfsparse.sparsity_report(tfsparse.prune_block(model))
    assert [row.layer for row in report.kernels] == ["nested/inner"]
    assert report.skipped == {} and report.name == model.name


def test_a_shared_layer_is_one_row(keras):
    shared = sparse_dense(keras, units=FEATURES, name="shared")
    inputs = keras.Input((FEATURES,))
    model = keras.Model(inputs, shared(shared(inputs)))
    assert [row.layer for row in tfsparse.sparsity_report(model).kernels] == ["shared"]


def test_sparse_weights_of_layers_that_cannot_be_pruned(keras):
    embedding = keras.layers.Embedding(20, 8, name="words")
    recurrent = keras.layers.LSTM(4, name="memory")
    inputs = keras.Input((5,))
    model = keras.Model(inputs, recurrent(embedding(inputs)))
    reasons = tfsparse.sparsity_report(model).skipped
    assert set(reasons) == {"words", "memory"} and "looked up" in reasons["words"]
    words, kernel, recurrent_kernel, bias = model.get_weights()
    words[:10] = kernel[:, ::2] = 0
    model.set_weights([words, kernel, recurrent_kernel, bias])
    report = tfsparse.sparsity_report(model)
    assert [(row.layer, row.element_sparsity) for row in report.kernels] == [
        ("words", 0.5),
        ("memory/kernel", 0.5),
    ]


def test_layers_of_the_users_own(keras):
    class Block(keras.layers.Layer):
        def __init__(self, **options):
            super().__init__(**options)
            self.inner = sparse_dense(keras, name="inner")

        def build(self, shape):
            self.table = self.add_weight(name="table", shape=(16, 4), initializer="ones")
            self.built = True

        def call(self, inputs):
            return self.inner(inputs) @ self.table

    block = Block(name="block")
    block(data()[0])
    report = tfsparse.sparsity_report(block)
    assert [(row.layer, row.pattern) for row in report.kernels] == [("block/inner", "4x1")]
    assert report.skipped == {"block/table": "a weight that a layer made of layers holds itself"}


def test_low_precision_kernels_count_by_their_bytes(keras):
    layer = sparse_dense(keras, dtype="bfloat16")
    (row,) = tfsparse.sparsity_report(layer).kernels
    assert (row.dtype, row.bytes, row.element_sparsity) == ("bfloat16", 2 * FEATURES * 16, 0.75)
    assert row.pattern == "4x1"


def test_plain_models_and_unbuilt_layers(keras):
    report = tfsparse.sparsity_report(dense_model(keras))
    assert report.kernels == () and set(report.skipped) == {"hidden", "logits"}
    assert str(report).startswith("No layer is pruned.")
    assert report.total_sparsity == report.total_bytes == 0
    wrapper = tfsparse.prune_block(keras.layers.Dense(8, name="late"))
    assert tfsparse.sparsity_report([wrapper]).skipped == {"late": "wrapped, but not built yet"}
    assert tfsparse.sparsity_report(keras.layers.Dense(8, name="late")).skipped == {
        "late": NOT_PRUNED
    }


def test_a_schedule_that_never_ran_is_noted(keras):
    model = tfsparse.prune_block(dense_model(keras), schedule=ConstantSparsity(0.5, 0))
    (note,) = tfsparse.sparsity_report(model).notes
    assert note.startswith(
        "hidden, logits: the schedule never ran; pass `tfsparse.UpdatePruning()`"
    )


def test_targets_of_kernels_that_are_ranked_together_are_noted(keras):
    model = trained(keras, dense_model(keras), schedule=0.75, scope="global")
    report = tfsparse.sparsity_report(model)
    assert report.notes == ("global scope: the target is that of all these kernels together",)
    assert [row.target for row in report.kernels] == [0.75, 0.75]
    assert report.total_sparsity == 0.75


def test_many_names_are_cut_short(keras):
    layers = [keras.layers.Dense(4, name=f"d{number}") for number in range(7)]
    model = tfsparse.prune_block(keras.Sequential([keras.Input((4,)), *layers]))
    (note,) = tfsparse.sparsity_report(model).notes
    assert note.startswith("d0, d1, d2, d3, d4 and 2 more: the schedule never ran")


def test_as_dict_is_json(keras):
    model = trained(keras, dense_model(keras), schedule=0.75, exclude=["logits"])
    report = json.loads(json.dumps(tfsparse.sparsity_report(model).as_dict()))
    packed = 12 * (4 * 4 + 4) + 5 * 4  # 12 blocks of 4 values and a column, 5 ends of rows
    assert report["kernels"] == [
        {
            "layer": "hidden",
            "pattern": "4x1",
            "shape": [FEATURES, 16],
            "target": 0.75,
            "element_sparsity": 0.75,
            "block_sparsity": 0.75,
            "conforming": None,
            "source": "tfsparse",
            "dtype": "float32",
            "bytes": FEATURES * 16 * 4,
            "packed_bytes": packed,
        }
    ]
    assert report["total_sparsity"] == 0.75
    assert (report["total_bytes"], report["total_packed_bytes"]) == (FEATURES * 16 * 4, packed)
    assert report["skipped"] == {"logits": NOT_PRUNED}
    assert report["notes"] == []


def test_totals_weigh_kernels_by_their_elements(keras):
    layers = [sparse_dense(keras, units=4, sparsity=0.5), sparse_dense(keras, units=32)]
    report = tfsparse.sparsity_report(layers, "4x1")
    assert report.total_sparsity == pytest.approx((0.5 * 4 + 0.75 * 32) / 36)
    assert report.total_bytes == 4 * FEATURES * 36


@pytest.mark.parametrize("layer", ["model", ["model"], None])
def test_what_is_no_layer_is_named(layer):
    with pytest.raises(ValueError, match=r"Keras 3 or tf_keras\. Received: layer="):
        tfsparse.sparsity_report(layer)


def test_what_is_no_pattern_is_named(keras):
    with pytest.raises(ValueError, match=r"`pattern` should be .* Received: pattern='4'"):
        tfsparse.sparsity_report(dense_model(keras), pattern="4")
