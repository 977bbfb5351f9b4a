import numpy as np
import pytest
import tf_keras

import tfsparse
from tfsparse.conversion.layer_paths import LayerPaths, layer_paths

from .faults.models import BOTH


def built_late(k):
    model = k.Sequential([k.layers.Dense(8, name="a"), k.layers.Dense(4, name="dense")])
    model(np.ones((2, 8), np.float32))
    return model


def functional(k):
    inner_x = k.Input((8,))
    inner = k.Model(inner_x, k.layers.Dense(8, name="dense")(inner_x), name="encoder")
    x = k.Input((8,))
    return k.Model(x, k.layers.Dense(4, name="head")(inner(x)))


def sequential(k):
    inner = k.Sequential([k.layers.Input((8,)), k.layers.Dense(8, name="dense")], name="encoder")
    return k.Sequential([k.layers.Input((8,)), inner, k.layers.Dense(4, name="head")])


def attention(k):
    x = k.Input((4, 8))
    return k.Model(x, k.layers.MultiHeadAttention(2, 4, name="mha")(x, x))


def distributed(k):
    x = k.Input((4, 8))
    return k.Model(x, k.layers.TimeDistributed(k.layers.Dense(4, name="dense"), name="td")(x))


MODELS = {
    built_late: {"a", "dense"},
    functional: {"encoder/dense", "head"},
    sequential: {"encoder/dense", "head"},
    attention: {f"mha/{part}" for part in ("query", "key", "value", "attention_output")},
    distributed: {"td/dense"},
}


def paths(model):
    """Paths of the layers that have kernels."""
    names = [getattr(each, "path", each.name).split(":")[0] for each in model.variables]
    found = zip(layer_paths(model).of_variables, names, strict=True)
    return {path for path, name in found if name.split("/")[-1] == "kernel"}


@BOTH
@pytest.mark.parametrize("build", MODELS, ids=lambda build: build.__name__)
def test_wrapped_or_not_a_layer_has_one_path(k, build):
    model = build(k)
    pruned = tfsparse.prune_block(model, "4x1", tfsparse.OneShot(0.5))
    stripped = tfsparse.strip_pruning(pruned)
    assert paths(model) == paths(pruned) == paths(stripped) == MODELS[build]


@BOTH
def test_of_a_model_written_as_a_class_the_layers_inside_layers(k):
    class Block(k.layers.Layer):
        def __init__(self, **options):
            super().__init__(**options)
            self.up, self.rest = k.layers.Dense(8, name="up"), [k.layers.Dense(8, name="down")]
            self.scale = self.add_weight(name="kernel", shape=(8,))

        def call(self, x):
            return self.rest[0](self.up(x)) * self.scale

    class Net(k.Model):
        def __init__(self):
            super().__init__()
            self.block, self.last = Block(name="block"), k.layers.Dense(4, name="last")

        def call(self, x):
            return self.last(self.block(x))

    model = Net()
    model(np.ones((2, 8), np.float32))
    expected = {"block", "block/up", "block/down", "last"}
    assert paths(model) == expected
    tfsparse.prune_block(model, "4x1", tfsparse.OneShot(0.5), inplace=True)
    assert paths(model) == expected


@BOTH
def test_a_layer_that_is_used_twice_has_its_first_path(k):
    shared = k.layers.Dense(8, name="shared")
    x = k.Input((8,))
    inner = k.Model(x, shared(x), name="inner")
    y = k.Input((8,))
    assert paths(k.Model(y, shared(inner(y)))) <= {"inner/shared", "shared"}


def test_wrappers_of_tfmot_stand_for_their_layers():
    class PruneLowMagnitude(tf_keras.layers.Wrapper):
        def __init__(self, layer):
            super().__init__(layer, name=f"prune_low_magnitude_{layer.name}")

        def call(self, x):
            return self.layer(x)

    wrapped = PruneLowMagnitude(tf_keras.layers.Dense(4, name="dense"))
    assert paths(tf_keras.Sequential([tf_keras.layers.Input((8,)), wrapped])) == {"dense"}


def test_other_objects_have_none():
    assert layer_paths(object()) is None


@pytest.mark.parametrize(
    ("node", "path"),
    [
        ("net/encoder/mha/einsum/Einsum", "encoder/mha"),
        ("PartitionedCall/net_2/encoder_1/mha_1/MatMul_1", "encoder/mha"),
        ("net/encoder/mha/mha/MatMul", "encoder/mha"),
        ("net/dense_1/MatMul", "dense_1"),
        ("net_1/dense_1/MatMul", "dense"),
        ("net_1/dense_1_1/MatMul", "dense_1"),
        ("net_1/block_0_1/MatMul", "block_0"),
        ("net_1/MatMul", None),
    ],
)
def test_the_layer_of_a_node(node, path):
    layers = ["encoder", "encoder/mha", "dense", "dense_1", "block_0"]
    assert LayerPaths("net", frozenset(layers), ()).of_node(node) == path
