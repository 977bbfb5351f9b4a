"""Gradients gathered by a layer that reads its kernel as a wrapper does, in every kind of loop."""

import importlib

import numpy as np
import pytest
import tensorflow as tf

from tests import processes
from tfsparse import BlockPattern
from tfsparse.pattern import KernelView, to_blocks
from tfsparse.pruning.block_mask import apply_mask, expand_mask
from tfsparse.pruning.gradient_score import MOMENTUM, SINCE_UPDATE, GradientScore, block_sums

pytestmark = pytest.mark.one_keras

BLOCK, VIEW = BlockPattern(4, 1), KernelView.of_dense((6, 8))
SHAPE = (1, 2, 6)
INPUTS = np.random.default_rng(1).standard_normal((16, 6)).astype("float32")


def add_score(keras, layer, shape):
    """A variable as the bindings make it."""
    if keras.__name__ == "keras":
        return keras.Variable(
            "zeros",
            shape=shape,
            dtype="float32",
            trainable=False,
            autocast=False,
            synchronization="on_read",
            aggregation="mean",
            name="score",
        )
    return layer.add_weight(
        name="score",
        shape=shape,
        dtype="float32",
        initializer="zeros",
        trainable=False,
        experimental_autocast=False,
        synchronization=tf.VariableSynchronization.ON_READ,
        aggregation=tf.VariableAggregation.MEAN,
    )


def make_layer(keras, memory=SINCE_UPDATE, **options):
    """A dense layer without a bias whose kernel is read through a `GradientScore`."""

    class Scored(keras.layers.Layer):
        def build(self, shape):
            self.kernel = self.add_weight(name="kernel", shape=(6, 8), initializer="glorot_uniform")
            self.mask = self.add_weight(
                name="mask", shape=SHAPE, dtype="bool", initializer="ones", trainable=False
            )
            self.score = add_score(keras, self, SHAPE)
            self.gradient_score = GradientScore(self.score, BLOCK, VIEW, memory, self.name)
            self.built = True

        def call(self, x):
            flags = expand_mask(self.mask, BLOCK, VIEW)
            return tf.matmul(x, self.gradient_score.watch(apply_mask(self.kernel, flags)))

    return Scored(**options)


def make_model(keras, memory=SINCE_UPDATE, calls=1, **options):
    layer = make_layer(keras, memory, **options)
    x = keras.Input((6,))
    outputs = [layer(keras.layers.Rescaling(number + 1.0)(x)) for number in range(calls)]
    y = outputs[0] if calls == 1 else keras.layers.add(outputs)
    return keras.Model(x, y), layer


def importance(layer, batches, calls=1):
    """What should be gathered under a mean of squares, from NumPy."""
    kernel = np.asarray(layer.kernel.numpy(), "float64")
    factor = sum(number + 1.0 for number in range(calls))
    total = np.zeros(SHAPE)
    for x in batches:
        outputs = factor * x @ kernel
        for number in range(calls):
            gradient = ((number + 1.0) * x).T @ (2 * outputs / outputs.size)
            products = np.abs(kernel * gradient)
            total += to_blocks(VIEW.to_matrices(products), BLOCK).sum(axis=(-2, -1))
    return total


def fit(keras, model, batch=16, optimizer=None, **options):
    """Trains with a learning rate of 0, so that every step sees the same weights."""
    model.compile(optimizer or keras.optimizers.SGD(0.0), "mse", **options)
    targets = np.zeros((16, 8), "float32")
    model.fit(INPUTS, targets, batch_size=batch, epochs=1, shuffle=False, verbose=0)


LOOPS = {
    "graph": {"jit_compile": False},
    "xla": {"jit_compile": True},
    "eager": {"run_eagerly": True, "jit_compile": False},
    "two_steps_at_once": {"steps_per_execution": 2, "jit_compile": False},
    "xla_four_at_once": {"steps_per_execution": 4, "jit_compile": True},
}


@pytest.mark.parametrize("loop", LOOPS)
def test_every_step_adds_the_importance_of_its_batch(keras, loop):
    model, layer = make_model(keras)
    fit(keras, model, batch=4, **LOOPS[loop])
    expected = importance(layer, np.split(INPUTS, 4))
    scores = layer.gradient_score.scores()
    assert scores.shape == SHAPE and scores.dtype == np.float32
    np.testing.assert_allclose(scores, expected, rtol=1e-5)


@pytest.mark.parametrize("loop", ["graph", "eager"])
def test_each_use_of_a_shared_layer_counts(keras, loop):
    model, layer = make_model(keras, calls=3)
    fit(keras, model, batch=8, **LOOPS[loop])
    expected = importance(layer, np.split(INPUTS, 2), calls=3)
    np.testing.assert_allclose(layer.gradient_score.scores(), expected, rtol=1e-5)


def test_accumulated_gradients_count_each(keras):
    if keras.__name__ == "tf_keras":
        pytest.skip("tf_keras does not accumulate gradients")
    model, layer = make_model(keras)
    fit(keras, model, 4, keras.optimizers.SGD(0.0, gradient_accumulation_steps=2))
    expected = importance(layer, np.split(INPUTS, 4))
    np.testing.assert_allclose(layer.gradient_score.scores(), expected, rtol=1e-5)


def test_momentum_weighs_later_steps_more(keras):
    model, layer = make_model(keras, MOMENTUM)
    fit(keras, model, batch=4)
    decayed = [
        MOMENTUM.of_steps ** (3 - number) * importance(layer, [batch])
        for number, batch in enumerate(np.split(INPUTS, 4))
    ]
    np.testing.assert_allclose(layer.gradient_score.scores(), sum(decayed), rtol=1e-5)
    before = layer.gradient_score.scores()
    layer.gradient_score.updated()
    np.testing.assert_array_equal(layer.gradient_score.scores(), before)


def test_after_an_update_the_time_before_it_only_breaks_ties(keras):
    model, layer = make_model(keras)
    fit(keras, model)
    before = layer.gradient_score.scores()
    layer.gradient_score.updated()
    after = layer.gradient_score.scores()
    assert after.max() < 1e-5 * before.min()
    np.testing.assert_array_equal(np.argsort(after.ravel()), np.argsort(before.ravel()))
    fit(keras, model)
    np.testing.assert_allclose(layer.gradient_score.scores(), before, rtol=1e-5)


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_mixed_precision(keras, policy):
    model, layer = make_model(keras, dtype=policy)
    assert model(INPUTS).dtype == policy.removeprefix("mixed_")
    fit(keras, model)
    scores = layer.gradient_score.scores()
    assert scores.dtype == np.float32
    np.testing.assert_allclose(scores, importance(layer, [INPUTS]), rtol=0.05)


@pytest.mark.parametrize("memory", [SINCE_UPDATE, MOMENTUM])
@pytest.mark.parametrize("bad", [np.inf, np.nan])
def test_a_gradient_that_overflowed_is_left_out(keras, memory, bad):
    _, layer = make_model(keras, memory)
    factors = tf.ones((16, 8))
    for value in (1.0, bad, 1.0):
        with tf.GradientTape() as tape:
            # Not finite in one element alone.
            loss = tf.reduce_sum(layer(INPUTS) * factors * [[value] + 7 * [1.0]])
        tape.gradient(loss, layer.trainable_variables)
    kernel = layer.kernel.numpy()
    once = np.abs(kernel * INPUTS.sum(axis=0)[:, None])
    expected = (1.0 + memory.of_steps) * to_blocks(VIEW.to_matrices(once), BLOCK).sum(axis=(-2, -1))
    np.testing.assert_allclose(layer.gradient_score.scores(), expected, rtol=1e-4)


def test_pruned_blocks_score_nothing_and_get_no_gradient(keras):
    model, layer = make_model(keras)
    kept = np.ones(SHAPE, bool)
    kept[0, 0, :3] = False
    layer.mask.assign(kept)
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(tf.square(model(INPUTS)))
    gradient = tape.gradient(loss, layer.trainable_weights)[0]
    scores = layer.gradient_score.scores()
    assert not scores[~kept].any() and (scores[kept] > 0).all()
    matrix = VIEW.to_matrices(np.asarray(gradient))
    assert not to_blocks(matrix, BLOCK)[~kept].any() and (to_blocks(matrix, BLOCK)[kept] != 0).all()


def test_reading_changes_nothing_but_the_score(keras):
    model, layer = make_model(keras)
    with tf.GradientTape() as tape:
        outputs = model(INPUTS)
        loss = tf.reduce_sum(tf.square(outputs))
    gradient = tape.gradient(loss, layer.trainable_weights)[0]
    kernel = layer.kernel.numpy()
    np.testing.assert_allclose(outputs, INPUTS @ kernel, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(gradient, INPUTS.T @ (2 * outputs.numpy()), rtol=1e-4, atol=1e-5)


def test_a_forward_pass_alone_leaves_the_score(keras):
    model, layer = make_model(keras)
    model.compile("sgd", "mse")
    model.predict(INPUTS, verbose=0)
    model.evaluate(INPUTS, np.zeros((16, 8)), verbose=0)
    model(INPUTS, training=True)
    assert not layer.score.numpy().any()
    traced = tf.function(model).get_concrete_function(tf.TensorSpec((None, 6)))
    assigned = [op for op in traced.graph.get_operations() if op.type.startswith("Assign")]
    assert not assigned


def test_a_function_that_is_differentiated_from_outside(keras):
    model, layer = make_model(keras)
    forward = tf.function(lambda x: tf.reduce_mean(tf.square(model(x))))
    with tf.GradientTape() as tape:
        loss = forward(tf.constant(INPUTS))
    tape.gradient(loss, layer.trainable_weights)
    np.testing.assert_allclose(
        layer.gradient_score.scores(), importance(layer, [INPUTS]), rtol=1e-5
    )


def test_no_gradient_yet(keras):
    _, layer = make_model(keras, name="idle")
    with pytest.raises(ValueError, match="'idle', which no gradient has reached"):
        layer.gradient_score.scores()


def test_saved_with_the_weights(keras, tmp_path):
    model, layer = make_model(keras)
    fit(keras, model)
    scores = layer.gradient_score.scores()
    model.save_weights(str(tmp_path / "model.weights.h5"))
    checkpoint = tf.train.Checkpoint(model=model).write(str(tmp_path / "checkpoint"))
    for load in (
        lambda model: model.load_weights(str(tmp_path / "model.weights.h5")),
        lambda model: tf.train.Checkpoint(model=model).read(checkpoint).expect_partial(),
    ):
        other, other_layer = make_model(keras)
        load(other)
        np.testing.assert_array_equal(other_layer.gradient_score.scores(), scores)


VIEWS = {
    "dense": VIEW,
    "convolution": KernelView.of_convolution((3, 3, 5, 6)),
    "groups": KernelView.of_convolution((3, 1, 4, 12), groups=2),
    "einsum": KernelView.of_einsum("abc,cde->abde", (10, 3, 4)),
    "einsum_inputs": KernelView.of_einsum("abcd,cde->abe", (3, 4, 10)),
}


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("block", [(1, 1), (4, 1), (2, 3), (1, 45), (16, 4)])
def test_block_sums_are_those_of_the_blocks(view, block):
    view, pattern = VIEWS[view], BlockPattern(*block)
    kernel = np.random.default_rng(2).standard_normal(view.shape)
    expected = to_blocks(view.to_matrices(kernel), pattern).sum(axis=(-2, -1))
    sums = block_sums(tf.constant(kernel), view, pattern)
    np.testing.assert_allclose(sums, expected, rtol=1e-12, atol=1e-12)


def gather_on_two_devices(name):
    """Gathers on two replicas; returns what came out, after loading too, and what should have."""
    cpu = tf.config.list_physical_devices("CPU")[0]
    logical = tf.config.LogicalDeviceConfiguration()
    tf.config.set_logical_device_configuration(cpu, [logical, logical])
    keras = importlib.import_module(name)
    strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
    with strategy.scope():
        model, layer = make_model(keras)
        fit(keras, model, batch=8, jit_compile=False)
    gathered = layer.gradient_score.scores()
    layer.gradient_score.updated()
    updated = layer.gradient_score.scores()
    with strategy.scope():
        saved = tf.train.Checkpoint(model=model).write(f"{name}_checkpoint")
        layer.score.assign(tf.zeros(SHAPE))
        tf.train.Checkpoint(model=model).read(saved)
    # Each replica has half of a batch, and its loss is divided by their number.
    expected = importance(layer, np.split(INPUTS, 4)) / 2
    return gathered, updated, layer.gradient_score.scores(), expected


def test_replicas_gather_by_themselves(keras, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    gathered, updated, loaded, expected = processes.run(gather_on_two_devices, keras.__name__)
    # The mean over the replicas: half of the sum, which ranks alike.
    np.testing.assert_allclose(gathered, expected / 2, rtol=1e-5)
    np.testing.assert_allclose(updated, gathered * 2.0**-20, rtol=1e-6)
    np.testing.assert_array_equal(loaded, updated)
