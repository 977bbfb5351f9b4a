import numpy as np
import pytest

import tfsparse
from tfsparse.pruning.binding import pruned_layers
from tfsparse.pruning.prunable import (
    find_kernels,
    has_matrix,
    is_ready,
    is_unknown,
    layers_inside,
    refusal,
    skipped,
)

from .custom_layers import custom_layers
from .helpers import FEATURES

pytestmark = pytest.mark.one_keras

# Layer, its arguments, the shape of its inputs, and what the refusal says.
REFUSED = [
    ("DepthwiseConv1D", (3,), (5, 4), "depthwise"),
    ("DepthwiseConv2D", (3,), (5, 5, 4), "depthwise"),
    ("Conv1DTranspose", (4, 3), (5, 4), "transposed"),
    ("Conv2DTranspose", (4, 3), (5, 5, 4), "transposed"),
    ("Conv3DTranspose", (4, 2), (3, 3, 3, 2), "transposed"),
    ("Embedding", (9, 4), (5,), "looked up"),
    ("LSTM", (4,), (5, 4), "recurrent"),
    ("GRU", (4,), (5, 4), "recurrent"),
    ("SimpleRNN", (4,), (5, 4), "recurrent"),
    ("ConvLSTM2D", (4, 2), (3, 5, 5, 2), "recurrent"),
    ("EinsumDense", ("ab,b->ab", 6), (6,), "no axis of its kernel is summed over"),
    ("EinsumDense", ("abc,c->abc", (5, 6)), (5, 6), "no axis of its kernel is summed over"),
]
WITHOUT_KERNEL = [
    ("BatchNormalization", (), (6,)),
    ("LayerNormalization", (), (6,)),
    ("Dropout", (0.5,), (6,)),
    ("PReLU", (), (6,)),
    ("Activation", ("relu",), (6,)),
]


def test_dense_is_found_with_its_view(keras):
    layer = keras.layers.Dense(5)
    assert refusal(layer) is None
    layer.build((None, 3))
    (kernel,) = find_kernels(layer)
    assert kernel.owner is layer and vars(layer)[kernel.attribute] is kernel.variable
    assert kernel.view.shape == (3, 5) and kernel.view.matrix_shape == (5, 3)


@pytest.mark.parametrize(
    ("name", "arguments", "shape", "groups", "matrix"),
    [
        ("Conv2D", (12, 3), (7, 7, 4), 1, (12, 36)),
        ("Conv3D", (4, 2), (3, 3, 3, 2), 1, (4, 16)),
        ("SeparableConv2D", (6, 3), (5, 5, 4), 1, (6, 4)),
        ("EinsumDense", ("abc,cde->abde", (None, 2, 4)), (5, 8), 1, (8, 8)),
        ("EinsumDense", ("bhi,hio->bho", (3, 6)), (3, 8), 3, (6, 8)),
    ],
)
def test_kernels_are_viewed_by_what_their_layer_does(keras, name, arguments, shape, groups, matrix):
    layer = getattr(keras.layers, name)(*arguments)
    layer.build((None, *shape))
    (kernel,) = find_kernels(layer)
    assert (kernel.view.groups, kernel.view.matrix_shape) == (groups, matrix)
    assert tuple(kernel.variable.shape) == kernel.view.shape


def test_groups_of_a_convolution_are_seen(keras):
    layer = keras.layers.Conv2D(12, 3, groups=2)
    layer.build((None, 7, 7, 4))
    (kernel,) = find_kernels(layer)
    assert (kernel.view.groups, kernel.view.matrix_shape) == (2, (6, 18))


def test_a_composite_layer_owns_the_kernels_inside_it(keras):
    layer = custom_layers(keras).Encoder(8)
    assert refusal(layer) is None and not is_ready(layer)
    layer(np.zeros((2, 5, 8), "float32"))
    assert is_ready(layer)
    assert {kernel.path for kernel in find_kernels(layer)} == {
        *(f"attention/{name}" for name in ("query", "key", "value", "attention_output")),
        "feed_forward/first",
        "feed_forward/second",
    }
    paths = [path for path, _ in layers_inside(layer)]
    assert {"attention", "feed_forward", "feed_forward/dropout"} < set(paths)
    assert len(paths) == len(set(paths))


def model_of(keras, layer, shape):
    """The layer between inputs and a Dense layer that can be pruned."""
    inputs = keras.Input(shape)
    outputs = keras.layers.GlobalMaxPooling1D()(keras.layers.Reshape((-1, 1))(layer(inputs)))
    return keras.Model(inputs, keras.layers.Dense(4, name="last")(outputs))


@pytest.mark.parametrize(("name", "arguments", "shape", "reason"), REFUSED)
def test_layers_are_refused_with_a_reason(keras, name, arguments, shape, reason):
    layer = getattr(keras.layers, name)(*arguments, name="mine")
    with pytest.raises(ValueError, match=rf"of type {name} \(.*{reason}"):
        tfsparse.prune_block(layer)
    model = model_of(keras, layer, shape)
    with pytest.raises(ValueError, match=rf"of type {name} \(.*{reason}"):
        tfsparse.prune_block(layer)  # now that it is built, too
    pruned = tfsparse.prune_block(model)
    assert [wrapper.name for wrapper in pruned_layers(pruned)] == ["last"]
    assert reason in tfsparse.sparsity_report(pruned).skipped["mine"]
    with pytest.raises(ValueError, match=f"`strict`.*mine: .*{reason}"):
        tfsparse.prune_block(model, strict=True)


@pytest.mark.parametrize(("name", "arguments", "shape"), WITHOUT_KERNEL)
def test_layers_without_a_kernel_are_refused_and_not_reported(keras, name, arguments, shape):
    layer = getattr(keras.layers, name)(*arguments)
    with pytest.raises(ValueError, match=f"{name} has no kernel"):
        tfsparse.prune_block(layer)
    layer.build((None, *shape))
    assert not has_matrix(layer)
    with pytest.raises(ValueError, match=f"{name} has no kernel"):
        tfsparse.prune_block(layer)


def test_layers_around_others_are_refused_for_what_is_inside(keras):
    layer = keras.layers.Bidirectional(keras.layers.LSTM(4, name="lstm"))
    assert "no layer inside it can be pruned" in refusal(layer)
    assert "recurrent" in refusal(layer)
    layer = keras.layers.TimeDistributed(keras.layers.DepthwiseConv1D(3, name="inner"))
    assert "(inner: a depthwise kernel" in refusal(layer)
    assert dict(skipped(layer)).keys() == {"inner"}
    layer = keras.layers.SpectralNormalization(keras.layers.Dense(4))
    assert "writes the kernel of the layer inside it" in refusal(layer)


def test_a_subclass_is_refused_even_under_the_same_name(keras):
    class Dense(keras.layers.Dense):
        pass

    class MyConv(keras.layers.Conv2D):
        pass

    assert "subclass of Dense" in refusal(Dense(4))
    assert "MyConv is a subclass of Conv2D" in refusal(MyConv(4, 3))
    built = Dense(4)
    built.build((None, 3))
    assert "subclass of Dense" in refusal(built) and has_matrix(built)


def test_a_custom_layer_is_refused_and_known_by_its_weights(keras):
    class Mine(keras.layers.Layer):
        def build(self, input_shape):
            self.table = self.add_weight(name="table", shape=(3, 4), initializer="ones")
            self.built = True

    layer = Mine()
    assert "Mine is not built" in refusal(layer) and is_unknown(layer)
    layer.build((None, 3))
    assert has_matrix(layer) and not is_unknown(layer)
    assert "not a layer type" in refusal(layer)


def test_a_layer_that_makes_layers_when_it_is_built(keras, tmp_path):
    make = custom_layers(keras).MakesLayersInBuild
    with pytest.raises(ValueError, match="MakesLayersInBuild is not built"):
        tfsparse.prune_block(make())
    inputs = keras.Input((6,))
    model = keras.Model(inputs, make(name="late")(inputs))
    x = np.random.default_rng(0).standard_normal((4, 6)).astype("float32")
    pruned = tfsparse.prune_block(model, "4x1", tfsparse.OneShot(0.5))
    (kernel,) = next(iter(pruned_layers(pruned))).pruning.kernels
    assert kernel.path == "inner" and np.mean(kernel.variable.numpy() == 0) == 0.5
    pruned.save(tmp_path / "late.keras")
    loaded = keras.models.load_model(tmp_path / "late.keras")
    plain = tfsparse.strip_pruning(loaded)
    np.testing.assert_array_equal(plain(x).numpy(), pruned(x).numpy())
    assert not np.array_equal(model(x).numpy(), pruned(x).numpy())


def test_adapted_and_quantized_kernels_are_refused():
    import keras

    layer = keras.layers.Dense(8)
    layer.build((None, FEATURES))
    layer.enable_lora(2)
    assert "LoRA" in refusal(layer)
    assert "LoRA" in refusal(keras.layers.Dense(8, lora_rank=2))
    layer = keras.layers.Dense(8)
    layer.build((None, FEATURES))
    layer.quantize("int8")
    assert "quantized (int8)" in refusal(layer)
    assert "quantized (int8)" in refusal(keras.layers.Dense(8, dtype="int8_from_float32"))


def test_an_adapted_layer_inside_attention_is_left_alone():
    import keras

    layer = keras.layers.MultiHeadAttention(2, 4)
    layer.build((None, 5, 8), (None, 5, 8))
    layer._query_dense.enable_lora(2)
    assert refusal(layer) is None
    assert [kernel.path for kernel in find_kernels(layer)] == ["key", "value", "attention_output"]
    assert "LoRA" in dict(skipped(layer))["query"]


def test_a_kernel_that_is_not_an_attribute_is_named(keras):
    layer = keras.layers.Dense(8)
    layer.build((None, FEATURES))
    kernel = layer.kernel

    class Hidden(type(layer)):
        pass

    Hidden.__module__, Hidden.__name__ = "keras.layers", "Dense"
    for name in [name for name, value in vars(layer).items() if value is kernel]:
        del vars(layer)[name]
    Hidden.kernel = property(lambda self: kernel)
    layer.__class__ = Hidden
    with pytest.raises(ValueError, match="hold its kernel as an attribute"):
        find_kernels(layer)


def test_wrappers_of_tfmot_are_not_wrapped_again(keras):
    class PruneLowMagnitude(keras.layers.Wrapper):
        __module__ = "tensorflow_model_optimization.python.core.sparsity.keras.pruning_wrapper"

    assert "`strip_pruning` takes that off" in refusal(PruneLowMagnitude(keras.layers.Dense(4)))
