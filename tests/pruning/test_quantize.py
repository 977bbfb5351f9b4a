"""Keras 3's own `quantize` on a pruned model keeps its zeros, and reports say so."""

import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf

import tfsparse
from tfsparse.pruning.binding import pruned_layers

INPUTS = np.random.default_rng(0).standard_normal((8, 6, 16)).astype("float32")
KERNELS = {
    "hidden": (16, 32),
    "attention/query": (32, 2, 8),
    "attention/key": (32, 2, 8),
    "attention/value": (32, 2, 8),
    "attention/attention_output": (2, 8, 32),
    "einsum": (32, 4, 8),
    "logits": (192, 8),
}


@pytest.fixture
def stripped():
    """A model whose kernels are zero in blocks of 4x1, 75% of them."""
    keras.utils.set_random_seed(0)
    inputs = keras.Input((6, 16))
    x = keras.layers.Dense(32, activation="relu", name="hidden")(inputs)
    x = keras.layers.MultiHeadAttention(2, 8, name="attention")(x, x)
    x = keras.layers.EinsumDense("abc,cde->abde", (6, 4, 8), name="einsum")(x)
    outputs = keras.layers.Dense(8, name="logits")(keras.layers.Flatten()(x))
    model = keras.Model(inputs, outputs)
    return tfsparse.strip_pruning(tfsparse.prune_block(model, "4x1", tfsparse.OneShot(0.75)))


def quantize(layer, mode="int8"):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that Flatten has nothing to quantize
        layer.quantize(mode)


def outputs(model, inputs=INPUTS):
    return np.asarray(model(inputs))


def kernels(model):
    """Kernel of each layer, as it is stored."""
    attention = model.get_layer("attention")
    owners = {
        **{name: model.get_layer(name) for name in ("hidden", "einsum", "logits")},
        **{f"attention/{layer.name}": layer for layer in attention._flatten_layers()},
    }
    return {name: owners[name].kernel.numpy() for name in KERNELS}


def test_zeros_stay_zero(stripped):
    before = kernels(stripped)
    expected = outputs(stripped)
    quantize(stripped)
    for name, kernel in kernels(stripped).items():
        assert kernel.dtype == np.int8 and kernel.shape == before[name].shape
        assert np.mean(before[name] == 0) == 0.75
        assert not kernel[before[name] == 0].any()
        assert np.mean(kernel != 0) > 0.24  # rounding makes a few more
    error = np.abs(outputs(stripped) - expected).max()
    assert 0 < error < 0.05 * np.abs(expected).max()


def test_a_layer_alone_keeps_its_zeros(stripped):
    layer = stripped.get_layer("hidden")
    zeros = layer.kernel.numpy() == 0
    quantize(layer)
    assert layer.kernel.dtype == "int8" and not layer.kernel.numpy()[zeros].any()


@pytest.mark.parametrize("pattern", [None, "4x1"])
def test_the_report_says_what_is_in_the_quantized_model(stripped, pattern):
    plain = tfsparse.sparsity_report(stripped)
    coarse = [row.block_sparsity for row in tfsparse.sparsity_report(stripped, "16x1").kernels]
    quantize(stripped)
    assert coarse == [
        row.block_sparsity for row in tfsparse.sparsity_report(stripped, "16x1").kernels
    ]
    report = tfsparse.sparsity_report(stripped, pattern)
    assert {row.layer: row.shape for row in report.kernels} == KERNELS
    assert report.skipped == {}
    for row, before in zip(report.kernels, plain.kernels, strict=True):
        assert (row.pattern, row.block_sparsity, row.dtype) == ("4x1", 0.75, "int8")
        assert 0.75 <= row.element_sparsity < 0.77
        assert 4 * row.bytes == before.bytes and row.packed_bytes < row.bytes
    assert "int8" in str(report).splitlines()[1].split()


def test_what_is_packed_or_adapted_is_named(stripped):
    quantize(stripped.get_layer("hidden"), "int4")
    stripped.get_layer("logits").enable_lora(2)
    stripped.get_layer("logits").lora_kernel_b.assign(np.ones((2, 8)))
    report = tfsparse.sparsity_report(stripped)
    assert set(report.skipped) == {"hidden", "logits"}
    assert report.skipped["hidden"] == "its kernel is quantized (int4)"
    assert "LoRA" in report.skipped["logits"]  # the sum that it computes with is dense
    measured = tfsparse.sparsity_report(stripped, "4x1")
    assert {row.layer: row.source for row in measured.kernels}["logits"] == "dense"


def test_a_model_that_was_quantized_under_its_masks_is_no_riddle():
    model = keras.Sequential([keras.Input((16,)), keras.layers.Dense(32, name="hidden")])
    pruned = tfsparse.prune_block(model, "4x1", tfsparse.OneShot(0.75))
    quantize(pruned)
    (row,) = tfsparse.sparsity_report(pruned).kernels
    assert (row.layer, row.source, row.dtype) == ("hidden", "found", "int8")


def attention_model(kind):
    """Attention between two Dense layers."""
    arguments = {"MultiHeadAttention": (2, 8), "GroupQueryAttention": (8, 4, 2)}[kind]
    inputs = keras.Input((6, 16))
    x = keras.layers.Dense(16, name="hidden")(inputs)
    x = getattr(keras.layers, kind)(*arguments, name="attention")(x, x)
    return keras.Model(inputs, keras.layers.Dense(8, name="logits")(x))


@pytest.mark.parametrize(
    ("kind", "mode"),
    [
        ("MultiHeadAttention", "int8"),
        ("GroupQueryAttention", "int4"),
    ],
)
def test_quantized_attention_is_copied_and_skipped(kind, mode):
    model = attention_model(kind)
    for layer in model.get_layer("attention")._flatten_layers(include_self=False):
        if isinstance(layer, keras.layers.EinsumDense):
            quantize(layer, mode)
    expected = outputs(model)
    pruned = tfsparse.prune_block(model, "4x1", 0.5)
    np.testing.assert_allclose(outputs(pruned), expected, atol=1e-6)
    assert [layer.name for layer in pruned_layers(pruned)] == ["hidden", "logits"]
    with pytest.raises(ValueError, match=rf"when `strict`.* attention.*quantized \({mode}\)"):
        tfsparse.prune_block(model, "4x1", 0.5, strict=True)
    stripped = tfsparse.strip_pruning(tfsparse.prune_block(model, "4x1", tfsparse.OneShot(0.5)))
    assert outputs(stripped).shape == expected.shape


@pytest.mark.parametrize("adapt", [quantize, lambda layer: layer.enable_lora(2)])
def test_what_is_not_quantized_inside_attention_is_pruned(adapt):
    model = attention_model("MultiHeadAttention")
    adapt(model.get_layer("attention").query_dense)
    expected = outputs(model)
    pruned = tfsparse.prune_block(model, "4x1", 0.5)
    np.testing.assert_allclose(outputs(pruned), expected, atol=1e-6)
    kernels_inside = pruned.get_layer("attention").pruning.kernels
    assert {kernel.path for kernel in kernels_inside} == {"key", "value", "attention_output"}


def test_what_cannot_be_copied_is_pruned_around():
    @keras.saving.register_keras_serializable("tests")
    class Forgetful(keras.layers.Layer):
        """Makes what is inside it in no way that its configuration tells of."""

        def call(self, inputs):
            return self.inside(inputs)

    layer = Forgetful(name="forgetful")
    layer.inside = keras.layers.Dense(16, name="inside")
    model = keras.Sequential([keras.Input((16,)), layer, keras.layers.Dense(8)])
    quantize(layer.inside)
    with pytest.warns(UserWarning, match=r"'forgetful': .*prune first, .* \['inside'\] inside"):
        pruned = tfsparse.prune_block(model, "4x1", 0.5)
    assert pruned.layers[0] is layer and type(pruned.layers[1]).__name__ == "PruneBlock"
    with pytest.raises(ValueError, match=r"when `strict`.* forgetful: .*quantized"):
        tfsparse.prune_block(model, "4x1", 0.5, strict=True)


@pytest.mark.parametrize("adapt", [quantize, lambda layer: layer.enable_lora(2)])
def test_a_layer_that_is_still_wrapped_says_what_to_do_first(adapt):
    model = keras.Sequential([keras.Input((16,)), keras.layers.Dense(8, name="hidden")])
    pruned = tfsparse.prune_block(model, "4x1", tfsparse.OneShot(0.75))
    expected = pruned(INPUTS[:, 0])
    adapt(pruned.get_layer("hidden").layer)
    with pytest.raises(ValueError, match=r"with `tfsparse.strip_pruning` .*'hidden' \(its"):
        pruned(INPUTS[:, 0])
    plain = tfsparse.strip_pruning(pruned)  # it is not too late for that
    np.testing.assert_allclose(plain(INPUTS[:, 0]), expected, atol=0.05)


def test_a_quantized_model_is_exported(tmp_path):
    model = keras.Sequential([keras.Input((16,)), keras.layers.Dense(8, name="hidden")])
    plain = tfsparse.strip_pruning(tfsparse.prune_block(model, "4x1", tfsparse.OneShot(0.75)))
    quantize(plain)
    expected = outputs(plain, INPUTS[:, 0])
    report = tfsparse.export(plain, str(tmp_path / "1"))
    assert not any(op.converted for op in report)
    served = tf.saved_model.load(str(tmp_path / "1")).signatures["serving_default"]
    (output,) = served(tf.constant(INPUTS[:, 0])).values()
    np.testing.assert_allclose(output, expected, rtol=1e-5, atol=1e-6)
