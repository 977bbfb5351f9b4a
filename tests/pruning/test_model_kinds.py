"""Models of every make: shared, nested, frozen, copied, rebuilt, of the user's own class."""

import copy
import pickle

import numpy as np
import pytest
import tensorflow as tf

import tfsparse
from tests.long_cases import some_of
from tfsparse import ConstantSparsity, UpdatePruning
from tfsparse.pruning.binding import pruned_layers

from .helpers import (
    BATCH,
    CLASSES,
    FEATURES,
    SAMPLES,
    assert_masks_hold,
    assert_same_outputs,
    assert_same_weights,
    compile_model,
    data,
    dense_model,
    kernels,
    masks,
    sparsities,
)
from .layer_contract import gradient_of

pytestmark = pytest.mark.one_keras


def pruned(keras, model=None):
    return tfsparse.prune_block(model or dense_model(keras), "4x1", 0.75, group_lasso=1e-3)


def fit(model, epochs=1, inputs=None, labels=None):
    known, classes = data()
    model.fit(
        known if inputs is None else inputs,
        classes if labels is None else labels,
        batch_size=BATCH,
        epochs=epochs,
        verbose=0,
        callbacks=[UpdatePruning()],
    )
    assert_masks_hold(model)


def assert_trains_sparse(keras, model):
    """From a new optimizer: to the target, and with no gradient where it is pruned."""
    fit(compile_model(keras, model, keras.optimizers.SGD(0.1, momentum=0.9)))
    assert sparsities(model) == [0.75] * len(kernels(model))
    for kernel in kernels(model):
        gradient = gradient_of(model, kernel.variable, data()[0])
        flags = kernel.constraint.flags().numpy()
        assert not gradient[~flags].any() and gradient[flags].any()


COPIES = {
    "deepcopy": lambda keras, model: copy.deepcopy(model),
    "pickle": lambda keras, model: pickle.loads(pickle.dumps(model)),
    "from_config": lambda keras, model: with_weights(
        model, type(model).from_config(model.get_config())
    ),
    "from_json": lambda keras, model: with_weights(
        model, keras.models.model_from_json(model.to_json())
    ),
    "clone_model": lambda keras, model: with_weights(model, keras.models.clone_model(model)),
}


def with_weights(model, new):
    new.set_weights(model.get_weights())
    return new


@pytest.mark.parametrize("name", some_of(COPIES, ["deepcopy", "from_config"]))
def test_a_copy_is_a_pruned_model_of_its_own(keras, name):
    model = compile_model(keras, pruned(keras))
    fit(model)
    new = COPIES[name](keras, model)
    assert type(new) is type(model)
    assert_same_weights(new, model)
    assert [layer.schedule for layer in pruned_layers(new)] == [
        layer.schedule for layer in pruned_layers(model)
    ]
    before = model.get_weights()
    assert_trains_sparse(keras, new)
    for weight, old in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(weight, old)


def test_a_wrapped_layer_is_deep_copied(keras):
    layer = tfsparse.prune_block(keras.layers.Dense(8, name="dense"), "4x1", 0.5)
    inputs = np.ones((2, FEATURES), "float32")
    layer(inputs)
    layer.pruning.kernels[0].update(0.5)
    new = copy.deepcopy(layer)
    if not new.built:  # a copy of Keras 3 is as new
        new(inputs)
    kernel = new.pruning.kernels[0]
    assert kernel.variable is not layer.pruning.kernels[0].variable
    assert kernel.variable is new.layer.kernel
    kernel.update(0.75)
    assert np.mean(layer.pruning.kernels[0].variable.numpy() == 0) == 0.5
    gradient = gradient_of(new, kernel.variable, inputs)
    assert np.mean(gradient == 0) == 0.75


def test_a_layer_that_is_not_built_is_deep_copied(keras):
    layer = tfsparse.prune_block(keras.layers.Dense(8, name="dense"), "4x1", 0.5)
    new = copy.deepcopy(layer)
    new.build((None, FEATURES))
    assert not layer.layer.built and new.schedule == layer.schedule


def test_summary(keras):
    lines = []
    model = pruned(keras)
    model.summary(print_fn=lambda text, **_: lines.append(text), expand_nested=True)
    text = "\n".join(lines)
    assert all(name in text for name in ("hidden", "logits", "PruneBlock"))
    assert str(model.count_params()) in text.replace(",", "")


def test_frozen_before_wrapping(keras):
    model = dense_model(keras)
    model.layers[0].trainable = False
    model = pruned(keras, model)
    first, second = pruned_layers(model)
    assert not first.trainable and not first.trainable_weights and second.trainable_weights
    bias, kernel = first.layer.bias.numpy(), first.layer.kernel.numpy()
    fit(compile_model(keras, model, keras.optimizers.SGD(0.1, momentum=0.9)))
    assert sparsities(model) == [0.75, 0.75]
    # Its masks move as the schedule asks; what is kept does not train.
    np.testing.assert_array_equal(first.layer.bias.numpy(), bias)
    after = first.layer.kernel.numpy()
    np.testing.assert_array_equal(after[after != 0], kernel[after != 0])


def test_frozen_and_thawed_while_it_trains(keras):
    model = pruned(keras)
    first, _ = pruned_layers(model)
    optimizer = keras.optimizers.SGD
    fit(compile_model(keras, model, optimizer(0.1, momentum=0.9)))
    before = masks(model)
    for trainable in (False, True):
        first.trainable = trainable
        assert bool(first.layer.trainable_weights) == trainable
        kernel = first.layer.kernel.numpy()
        fit(compile_model(keras, model, optimizer(0.1, momentum=0.9)))
        assert np.array_equal(first.layer.kernel.numpy(), kernel) != trainable
    for mask, old in zip(masks(model), before, strict=True):
        np.testing.assert_array_equal(mask, old)


def test_frozen_inside_the_wrapper_and_in_a_nested_model(keras):
    inner = dense_model(keras)
    inner.trainable = False
    inputs = keras.Input((FEATURES,))
    model = pruned(
        keras, keras.Model(inputs, keras.layers.Dense(CLASSES, name="top")(inner(inputs)))
    )
    assert len(model.trainable_weights) == 2
    list(pruned_layers(model))[-1].layer.trainable = False
    assert not model.trainable_weights
    inner = next(layer for layer in model.layers if hasattr(layer, "layers"))
    inner.trainable = True
    assert len(model.trainable_weights) == 4
    fit(compile_model(keras, model))
    assert sparsities(model) == [0.75] * 3


def test_shared_nested_and_with_several_inputs_and_outputs(keras):
    shared = keras.layers.Dense(FEATURES, name="shared")
    nested = keras.Sequential([keras.Input((FEATURES,)), shared], name="nested")
    left, right = keras.Input((FEATURES,), name="left"), keras.Input((FEATURES,), name="right")
    joined = keras.layers.Concatenate()([nested(nested(left)), shared(right)])
    outputs = [keras.layers.Dense(size, name=f"out{size}")(joined) for size in (8, 4)]
    model = pruned(keras, keras.Model({"left": left, "right": right}, outputs))
    assert len(kernels(model)) == 3
    model.compile(keras.optimizers.SGD(0.1, momentum=0.9), "mse")
    inputs = data()[0]
    targets = [np.ones((SAMPLES, size)) for size in (8, 4)]
    fit(model, 2, {"left": inputs, "right": inputs[::-1]}, targets)
    assert sparsities(model) == [0.75] * 3
    plain = tfsparse.strip_pruning(model)
    example = {"left": inputs[:4], "right": inputs[:4]}
    for one, other in zip(plain(example), model(example), strict=True):
        np.testing.assert_array_equal(one.numpy(), other.numpy())


def test_policies_of_layers(keras):
    policies = ("mixed_bfloat16", "float64", "float32")
    layers = [keras.layers.Dense(8, dtype=policy, name=f"of_{policy}") for policy in policies]
    model = keras.Sequential([keras.Input((FEATURES,)), *layers])
    model = tfsparse.prune_block(model, "4x1", 0.75)
    assert_trains_sparse(keras, model)
    computed = [str(layer.compute_dtype) for layer in model.layers]
    assert computed == ["bfloat16", "float64", "float32"]


def test_built_by_its_first_batch(keras):
    layers = [keras.layers.Dense(16, name="a"), keras.layers.Dense(CLASSES, name="b")]
    model = pruned(keras, keras.Sequential(layers))
    fit(compile_model(keras, model), 2)
    assert sparsities(model) == [0.75, 0.75]


def own_classes(keras):
    """Models with a `train_step` and a state of their own, by how they are made."""

    class Counting:
        def __init__(self, *args, **kwargs):
            super().__init__(*args, **kwargs)
            self.extra = {"scale": 3.0}

        def train_step(self, batch):
            assert self.extra["scale"] == 3.0
            self.traced = True
            return super().train_step(batch)

    class Stack(Counting, keras.Sequential):
        pass

    class Graph(Counting, keras.Model):
        pass

    class Sized(Counting, keras.Model):
        def __init__(self, units):
            inputs = keras.Input((FEATURES,))
            hidden = keras.layers.Dense(units, name="hidden")(inputs)
            super().__init__(inputs, keras.layers.Dense(CLASSES, name="logits")(hidden))

    class Called(keras.Model):
        def __init__(self):
            super().__init__()
            self.extra = {"scale": 3.0}
            self.hidden = keras.layers.Dense(16, name="hidden")
            self.logits = keras.layers.Dense(CLASSES, name="logits")

        def call(self, inputs):
            return self.logits(self.hidden(inputs))

        def train_step(self, batch):
            self.traced = True
            return super().train_step(batch)

    inputs = keras.Input((FEATURES,))
    hidden = keras.layers.Dense(16, name="hidden")(inputs)
    called = Called()
    called(data()[0])
    return {
        "sequential": Stack(dense_model(keras).layers),
        "functional": Graph(inputs, keras.layers.Dense(CLASSES, name="logits")(hidden)),
        "functional with arguments": Sized(16),
        "subclassed": called,
    }


KINDS = ["sequential", "functional", "functional with arguments", "subclassed"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_models_own_class_survives(keras, kind):
    """With its `train_step` and what it knows, while it is pruned and when it is stripped."""
    model = own_classes(keras)[kind]
    model(data()[0][:2])
    if kind == "subclassed":
        with pytest.raises(ValueError, match="set `inplace`"):
            tfsparse.prune_block(model)
        new = tfsparse.prune_block(model, "4x1", 0.75, inplace=True)
        assert new is model
    else:
        with pytest.raises(ValueError, match=type(model).__name__):
            tfsparse.prune_block(model, inplace=True)
        new = tfsparse.prune_block(model, "4x1", 0.75)
    assert type(new) is type(model)
    assert new.extra == {"scale": 3.0}
    assert_trains_sparse(keras, new)
    assert new.traced
    if kind == "subclassed":
        return
    plain = tfsparse.strip_pruning(new)
    assert type(plain) is type(model) and plain.extra == {"scale": 3.0}
    assert_same_outputs(plain(data()[0]), new(data()[0]))
    assert not list(pruned_layers(plain))


@pytest.mark.parametrize("kind", KINDS[:3])
def test_a_model_of_an_own_class_takes_the_weights_of_a_plain_one(keras, kind):
    """The order of the weights is the same, also where the class makes its layers itself."""
    model = own_classes(keras)[kind]
    model(data()[0])
    plain = keras.Model(model.inputs, model.outputs)
    pruned = tfsparse.prune_block(plain, "4x1", tfsparse.OneShot(0.75))
    model.set_weights(tfsparse.strip_pruning(pruned).get_weights())
    assert_same_outputs(model(data()[0]), pruned(data()[0]))
    assert tfsparse.sparsity_report(model).total_sparsity == 0.75


def test_two_optimizers_and_two_models(keras):
    """As in adversarial training: each model with a loop and a clock of its own."""
    first, second = (
        tfsparse.prune_block(
            dense_model(keras), "4x1", ConstantSparsity(share, begin_step=2, frequency=3)
        )
        for share in (0.5, 0.75)
    )
    optimizers = [keras.optimizers.SGD(0.1, momentum=0.9) for _ in range(2)]
    inputs = data()[0]

    def step(model, other, optimizer):
        with tf.GradientTape() as tape:
            value = tf.reduce_mean((model(inputs) - other(inputs) + 1.0) ** 2)
        gradients = tape.gradient(value, model.trainable_weights)
        optimizer.apply_gradients(zip(gradients, model.trainable_weights, strict=True))

    with (
        UpdatePruning().loop(first, optimizers[0]) as one,
        UpdatePruning().loop(second, optimizers[1]) as two,
    ):
        for number in range(6):
            step(first, second, optimizers[0])
            one.step()
            if number % 2:
                step(second, first, optimizers[1])
                two.step()
            assert_masks_hold(first)
            assert_masks_hold(second)
            assert sparsities(first) == [0.5 if number >= 1 else 0.0] * 2
            assert sparsities(second) == [0.75 if number >= 3 else 0.0] * 2
