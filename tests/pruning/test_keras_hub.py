"""Models of KerasHub, tiny and with random weights: pruned, trained, stripped, saved, loaded.

They are functional models of classes of their own, with ties between backbone and head,
layers that are shared, attributes that refer into other layers, and layers that their
configuration does not make again.
"""

import keras
import numpy as np
import pytest
import tensorflow as tf

import tfsparse
from tests.long_cases import some_of
from tfsparse.pruning.binding import pruned_layers

from .helpers import assert_masks_hold, assert_same_outputs, kernels

pytest.importorskip("keras_hub", reason="keras-hub is not installed")
from keras_hub import models

SIZE, WORDS, CLASSES = 8, 32, 4
SMALL = {"vocabulary_size": WORDS, "num_layers": 2, "hidden_dim": SIZE, "intermediate_dim": 16}
HEADS = {**SMALL, "num_heads": 2, "max_sequence_length": SIZE}
GROUPED = {**SMALL, "num_query_heads": 2, "num_key_value_heads": 1}


def classifier(name, backbone):
    make = getattr(models, f"{name}Classifier")
    return make(backbone=backbone, num_classes=CLASSES, preprocessor=None)


def gpt2():
    return models.GPT2CausalLM(backbone=models.GPT2Backbone(**HEADS), preprocessor=None)


def gemma():
    backbone = models.GemmaBackbone(**GROUPED, head_dim=4)
    return models.GemmaCausalLM(backbone=backbone, preprocessor=None)


def bert():
    return classifier("BertText", models.BertBackbone(**HEADS))


def distil_bert():
    return classifier("DistilBertText", models.DistilBertBackbone(**HEADS))


def deberta():
    return classifier("DebertaV3Text", models.DebertaV3Backbone(**HEADS, bucket_size=4))


def vit():
    backbone = models.ViTBackbone(
        *((SIZE, SIZE, 3), (4, 4)), num_layers=2, num_heads=2, hidden_dim=SIZE, mlp_dim=16
    )
    return classifier("ViTImage", backbone)


# Number of kernels that are pruned: 6 a block (query, key, value, output, two Dense),
# 7 with gates, and those of the heads.
KERNELS = {gpt2: 12, gemma: 14, bert: 14, distil_bert: 14, deberta: 14, vit: 13}


def example(model):
    rng = np.random.default_rng(0)

    def one(tensor):
        shape = (2, *(size or SIZE for size in tensor.shape[1:]))
        if tensor.name == "padding_mask":
            return np.ones(shape, "int32")
        if tensor.dtype == "int32":
            return rng.integers(0, 2, shape, "int32")
        return rng.standard_normal(shape).astype("float32")

    return keras.tree.map_structure(one, model.input)


def distinct(model):
    """Number of variables, each counted once and without what wrappers add."""
    added = {
        id(weight)
        for wrapper in pruned_layers(model)
        for weight in wrapper.variables
        if not any(weight is inner for inner in wrapper.layer.variables)
    }
    return len({id(weight) for weight in model.weights} - added)


def train_a_step(model, inputs, expected):
    """One step, not in a graph, which takes longer to make than the step."""
    optimizer = keras.optimizers.Adam(0.01)
    updates = tfsparse.UpdatePruning()
    before = [np.array(kernel.variable.numpy()) for kernel in kernels(model)]
    with updates.loop(model, optimizer) as loop:
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.square(model(inputs, training=True) - expected - 1.0))
        variables = list(model.trainable_weights)
        gradients = tape.gradient(loss, [weight.value for weight in variables])
        optimizer.apply_gradients(zip(gradients, variables, strict=True))
        loop.step()
    return before


@pytest.mark.parametrize("make", some_of(KERNELS, [gpt2, bert]), ids=lambda make: make.__name__)
@pytest.mark.filterwarnings("ignore:The new model shares.*vit_patching_and_embedding:UserWarning")
def test_pruned_trained_stripped_saved_and_loaded(make, tmp_path):
    keras.utils.set_random_seed(0)
    model = make()
    inputs = example(model)
    expected = model(inputs)
    schedule = tfsparse.ConstantSparsity(0.5, 0, frequency=1)
    pruned = tfsparse.prune_block(model, "4x1", schedule)
    assert type(pruned) is type(model) and type(pruned.backbone) is type(model.backbone)
    assert len(kernels(pruned)) == KERNELS[make]
    assert distinct(pruned) == distinct(model)
    assert_same_outputs(pruned(inputs), expected)

    before = train_a_step(pruned, inputs, expected)
    assert_masks_hold(pruned)
    for kernel, values in zip(kernels(pruned), before, strict=True):
        assert np.mean(kernel.variable.numpy() == 0) == 0.5
        assert (kernel.variable.numpy() != values)[kernel.constraint.flags().numpy()].any()
    outputs = pruned(inputs)

    plain = tfsparse.strip_pruning(pruned)
    assert type(plain) is type(model) and not list(pruned_layers(plain))
    assert distinct(plain) == distinct(model)
    assert_same_outputs(plain(inputs), outputs)
    plain.save(tmp_path / "plain.keras")
    loaded = keras.models.load_model(tmp_path / "plain.keras")
    assert distinct(loaded) == distinct(model)
    assert_same_outputs(loaded(inputs), outputs)

    pruned.save_weights(tmp_path / "pruned.weights.h5")
    tfsparse.load_weights(model, tmp_path / "pruned.weights.h5")
    assert_same_outputs(model(inputs), outputs)
