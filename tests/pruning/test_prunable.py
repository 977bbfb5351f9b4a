import numpy as np
import pytest

import tfsparse
from tfsparse.pruning.prunable import find_kernels, has_matrix, refusal

from .helpers import FEATURES


def test_dense_is_found_with_its_view(keras):
    layer = keras.layers.Dense(5)
    assert refusal(layer) is None
    layer.build((None, 3))
    (kernel,) = find_kernels(layer)
    assert kernel.owner is layer and vars(layer)[kernel.attribute] is kernel.variable
    assert kernel.view.shape == (3, 5) and kernel.view.matrix_shape == (5, 3)


@pytest.mark.parametrize(
    ("name", "arguments", "reason"),
    [
        ("Conv1D", (4, 3), "convolutions"),
        ("Conv2D", (4, 3), "convolutions"),
        ("Conv3D", (4, 3), "convolutions"),
        ("Conv2DTranspose", (4, 3), "transposed"),
        ("DepthwiseConv2D", (3,), "depthwise"),
        ("SeparableConv2D", (4, 3), "depthwise"),
        ("EinsumDense", ("ab,bc->ac", 4), "EinsumDense"),
        ("MultiHeadAttention", (2, 4), "attention"),
        ("Embedding", (9, 4), "looked up"),
        ("LSTM", (4,), "recurrent"),
        ("GRU", (4,), "recurrent"),
        ("SimpleRNN", (4,), "recurrent"),
        ("Dropout", (0.5,), "no kernel"),
        ("BatchNormalization", (), "no kernel"),
    ],
)
def test_other_layers_are_refused_with_a_reason(keras, name, arguments, reason):
    layer = getattr(keras.layers, name)(*arguments)
    with pytest.raises(ValueError, match=rf"of type {name} \(.*{reason}"):
        tfsparse.prune_block(layer)


def test_wrappers_are_refused(keras):
    layer = keras.layers.TimeDistributed(keras.layers.Dense(4))
    assert "inside another wrapper" in refusal(layer)


def test_a_subclass_is_refused_even_under_the_same_name(keras):
    class Dense(keras.layers.Dense):
        pass

    assert "subclass of Dense" in refusal(Dense(4))


def test_a_custom_layer_is_refused_and_known_by_its_weights(keras):
    class Mine(keras.layers.Layer):
        def build(self, input_shape):
            self.table = self.add_weight(name="table", shape=(3, 4), initializer="ones")
            self.built = True

    layer = Mine()
    assert "no kernel" in refusal(layer)
    layer.build((None, 3))
    assert has_matrix(layer)
    assert "not a layer type" in refusal(layer)


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


def test_a_kernel_that_is_not_an_attribute_is_named(keras):
    layer = keras.layers.Dense(8)
    layer.build((None, FEATURES))
    names = [name for name, value in vars(layer).items() if value is layer.kernel]

    class Hidden(type(layer)):
        kernel = np.zeros((FEATURES, 8))

    for name in names:
        del vars(layer)[name]
    layer.__class__ = Hidden
    Hidden.__name__ = "Dense"
    with pytest.raises(ValueError, match="hold its kernel as an attribute"):
        find_kernels(layer)
