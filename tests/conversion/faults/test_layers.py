"""Every dense layer of a Keras model is converted, in both Keras, with fixed and open lengths.

Reported: 0 of 6 products of an attention of open length, 5 of 17 of KerasHub's BERT, and 0 of 8 of
a tf_keras model with EinsumDense were converted.
"""

import keras
import keras_hub
import numpy as np
import pytest
import tf_keras

from .models import BOTH, INT8_BOUND, assert_close, normal, serve, serve_all, thin

LENGTHS = pytest.mark.parametrize("length", [6, None], ids=["fixed", "open"])


def _transformer_block(k, length):
    inputs = k.Input((length, 256), name="x")
    attention = k.layers.MultiHeadAttention(4, 64, name="attention")(inputs, inputs)
    x = k.layers.LayerNormalization(name="norm")(inputs + attention)
    hidden = k.layers.Dense(512, activation="gelu", name="expand")(x)
    return thin(k.Model(inputs, x + k.layers.Dense(256, name="shrink")(hidden)))


def _einsum_dense(k, length):
    layer = k.layers.EinsumDense
    inputs = k.Input((length, 256), name="x")
    x = layer("abc,cde->abde", (length, 4, 64), bias_axes="de", name="split")(inputs)
    x = layer("abde,def->abf", (length, 256), bias_axes="f", name="merge")(x)
    x = layer("...x,xy->...y", 256, activation="relu", name="dots")(x)
    x = layer("abc,cd->abd", (length, 256), name="plain")(x)
    return thin(k.Model(inputs, x))


def _dense_of_rank_4(k, length):
    inputs = k.Input((length, 3, 256), name="x")
    x = k.layers.Dense(256, activation="silu", name="first")(inputs)
    return thin(k.Model(inputs, k.layers.Dense(256, use_bias=False, name="second")(x)))


def _residuals(k, length):
    x = inputs = k.Input((length, 256), name="x")
    for name in ("first", "second"):
        x = k.layers.Add()([k.layers.Dense(256, activation="tanh", name=name)(x), x])
    return thin(k.Model(inputs, x))


MODELS = {
    "attention and feed-forward": (_transformer_block, 6),
    "EinsumDense": (_einsum_dense, 4),
    "Dense of rank 4": (_dense_of_rank_4, 2),
    "residuals": (_residuals, 2),
}


@BOTH
@LENGTHS
@pytest.mark.parametrize("case", MODELS)
@pytest.mark.one_keras
def test_all_products_are_converted(tmp_path, k, length, case):
    build, products = MODELS[case]
    model = build(k, length)
    served = serve_all(tmp_path, model)
    assert len(served.converted) == products and not served.stayed
    assert not {"MatMul", "Tensordot"} & set(served.ops())
    for rows in (1, 4):
        x = normal((rows, 6, *model.inputs[0].shape[2:]), rows)
        assert_close(served.only(x), np.asarray(model(x)))


@BOTH
def test_attention_is_named_by_its_layers(tmp_path, k):
    served = serve(tmp_path, _transformer_block(k, None))
    assert sorted(served.report[name].shape for name in ("expand", "shrink")) == [
        (256, 512),
        (512, 256),
    ]
    parts = [name for name in served.converted if name not in ("expand", "shrink")]
    assert all("attention" in name for name in parts)
    roles = {name.rsplit("/", 1)[-1] for name in parts}
    assert roles == {"query", "key", "value", "attention_output"}


@BOTH
def test_time_distributed(tmp_path, k):
    """Keras 3 writes a product for each step."""
    inputs = k.Input((3, 256), name="x")
    layer = k.layers.TimeDistributed(k.layers.Dense(256, activation="relu", name="each"))
    model = thin(k.Model(inputs, layer(inputs)))
    served = serve_all(tmp_path, model)
    assert len(set(served.converted)) == 1 and not served.stayed
    x = normal((2, 3, 256))
    assert_close(served.only(x), np.asarray(model(x)))


@BOTH
@LENGTHS
@pytest.mark.one_keras
def test_a_transformer_block_in_int8(tmp_path, k, length):
    model = _transformer_block(k, length)
    served = serve_all(tmp_path, model, "int8", normal((32, 6, 256)))
    assert len(served.converted) == 6
    x = normal((4, 6, 256), 1)
    assert_close(served.only(x), np.asarray(model(x)), INT8_BOUND)


@BOTH
def test_a_subclassed_model(tmp_path, k):
    class Tower(k.Model):
        def __init__(self):
            super().__init__()
            self.layers_of_tower = [k.layers.Dense(256, "relu", name=f"d{i}") for i in range(3)]

        def call(self, x):
            for layer in self.layers_of_tower:
                x = layer(x)
            return x

    model = Tower()
    x = normal((3, 256))
    model(x)
    thin(model)
    if k is tf_keras:
        model.predict(x, verbose=0)  # tf_keras learns the inputs of a subclassed model so
    served = serve_all(tmp_path, model)
    assert len(served.converted) == 3 and not served.stayed
    assert_close(served.only(x), np.asarray(model(x)))


@BOTH
def test_a_model_within_a_model(tmp_path, k):
    inner = k.Sequential(
        [k.layers.Input((256,)), k.layers.Dense(256, "relu", name="deep")], name="inner"
    )
    inputs = k.Input((256,), name="x")
    model = thin(k.Model(inputs, k.layers.Dense(256, name="top")(inner(inner(inputs)))))
    served = serve_all(tmp_path, model)
    assert len(served.converted) == 3 and not served.stayed
    assert len({row.layer for row in served.report}) == 2
    x = normal((3, 256))
    assert_close(served.only(x), np.asarray(model(x)))


@pytest.fixture(scope="module")
def bert():
    backbone = keras_hub.models.BertBackbone(
        vocabulary_size=50,
        num_layers=1,
        num_heads=4,
        hidden_dim=256,
        intermediate_dim=512,
        max_sequence_length=16,
    )
    return thin(backbone)


def test_keras_hub_bert(tmp_path, bert):
    x = {
        "token_ids": np.arange(24, dtype=np.int32).reshape(3, 8),
        "segment_ids": np.zeros((3, 8), np.int32),
        "padding_mask": np.int32([[1] * 8, [1] * 5 + [0] * 3, [1] * 8]),
    }
    expected = {key: np.asarray(value) for key, value in bert(x).items()}
    served = serve_all(tmp_path, bert)
    assert len(served.converted) == 7 and not served.stayed
    assert_close(served(**x), expected)


def test_a_layer_that_is_called_on_other_lengths(tmp_path):
    """One Dense on a sequence and on what was pooled of it: both places are converted."""
    inputs = keras.Input((None, 256), name="x")
    shared = keras.layers.Dense(256, name="shared")
    pooled = keras.layers.GlobalAveragePooling1D()(shared(inputs))
    model = thin(keras.Model(inputs, shared(pooled)))
    served = serve_all(tmp_path, model)
    assert served.converted == ["shared", "shared"] and not served.stayed
    x = normal((2, 6, 256))
    assert_close(served.only(x), np.asarray(model(x)))
