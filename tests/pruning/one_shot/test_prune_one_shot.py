import tracemalloc

import numpy as np
import pytest
import tensorflow as tf

import tfsparse
from tfsparse.pruning.one_shot import kernel_problem

from ..custom_layers import custom_layers
from ..helpers import assert_masks_hold, assert_same_weights, kernels, masks, sparsities
from .problems import direct, error, least_error

pytestmark = pytest.mark.one_keras


def inputs(*shape, rank=3, seed=0):
    """Inputs that depend on each other: of a few directions, and a little noise."""
    rng = np.random.default_rng(seed)
    mixing = rng.standard_normal((rank, shape[-1]))
    x = rng.standard_normal((*shape[:-1], rank)) @ mixing + 0.1 * rng.standard_normal(shape)
    return x.astype("float32")


def perceptron(keras, **options):
    return keras.Sequential(
        [
            keras.Input((16,)),
            keras.layers.Dense(24, "relu", name="hidden", **options),
            keras.layers.Dense(8, name="logits", **options),
        ]
    )


def network(keras):
    """A layer of each kind."""
    x = keras.Input((8, 8, 4))
    h = keras.layers.Conv2D(16, 3, 2, padding="same", activation="relu", name="conv")(x)
    one = keras.layers.Conv2D(16, 3, groups=2, padding="same", use_bias=False, name="groups")(h)
    other = keras.layers.SeparableConv2D(16, 3, padding="same", name="separable")(h)
    h = keras.layers.Reshape((16, 16))(keras.layers.Add()([one, other]))
    h = keras.layers.MultiHeadAttention(2, 8, name="attention")(h, h)
    h = keras.layers.Conv1D(16, 3, padding="same", name="steps")(h)
    h = keras.layers.EinsumDense("abc,cd->abd", (16, 8), bias_axes="d", name="einsum")(h)
    return keras.Model(x, keras.layers.Dense(8, name="dense")(keras.layers.Flatten()(h)))


def difference(model, other, x):
    return float(np.square(np.asarray(model(x)) - np.asarray(other(x))).mean())


def magnitude(model, pattern, sparsity, **options):
    return tfsparse.prune_block(model, pattern, tfsparse.OneShot(sparsity), **options)


@pytest.mark.parametrize(
    ("pattern", "sparsity"), [("4x1", 0.5), ("1x1", 0.6), ("2:4", None), ("8x4", 0.5)]
)
def test_outputs_change_far_less_than_by_magnitude(keras, pattern, sparsity):
    model, x = network(keras), inputs(64, 8, 8, 4)
    weights = model.get_weights()
    pruned = tfsparse.prune_one_shot(model, x, pattern, sparsity)
    other = magnitude(model, pattern, sparsity or 0.5)
    fresh = inputs(64, 8, 8, 4, seed=0)[::-1]
    assert difference(pruned, model, fresh) < 0.5 * difference(other, model, fresh)
    for mask, expected in zip(masks(pruned), masks(other), strict=True):
        assert np.count_nonzero(mask) == np.count_nonzero(expected)
    assert_masks_hold(pruned)
    for weight, before in zip(model.get_weights(), weights, strict=True):
        np.testing.assert_array_equal(weight, before)


def test_whole_channels_go_by_what_they_put_out(keras):
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, use_bias=False)])
    # The second is the largest by its weights, and multiplies what is nearly always zero.
    model.set_weights([np.array([[1.0, 0, 2], [1, 0, 2], [0, 9, 0], [0, 9, 0]])])
    x = inputs(50, 4, rank=4) * np.array([1, 1, 1e-2, 1e-2], "float32")
    pruned = tfsparse.prune_one_shot(model, x, "channel", 1 / 3)
    np.testing.assert_array_equal(masks(pruned)[0].ravel(), [True, False, True])


@pytest.mark.parametrize("exact", [True, False])
def test_weights_are_the_least_squares_for_their_mask(keras, exact, monkeypatch):
    monkeypatch.setattr(kernel_problem, "EXACT", 1e9 if exact else 0)
    model, x = perceptron(keras, use_bias=False), inputs(80, 16)
    old = [weight.T for weight in model.get_weights()]
    pruned = tfsparse.prune_one_shot(model, x, "4x1", 0.5, damping=0.02)
    seen = x.astype("float64")
    for kernel, matrix in zip(kernels(pruned), old, strict=True):
        moments = seen.T @ seen / len(seen)
        moments += 0.02 * np.trace(moments) / len(moments) * np.eye(len(moments))
        new = kernel.variable.numpy().T
        kept = np.repeat(kernel.kept()[0], 4, axis=0)
        np.testing.assert_allclose(new, direct(matrix, moments, kept), rtol=1e-3, atol=1e-4)
        seen = np.maximum(seen @ new.T, 0)  # of the pruned layer in front


@pytest.mark.parametrize(("gone", "slack"), [(1, 1.0), (3, 1.1)])
def test_a_convolution_ends_at_the_optimum_of_its_patches(keras, gone, slack):
    layer = keras.layers.Conv1D(2, 3, use_bias=False, name="conv")
    model, x = keras.Sequential([keras.Input((10, 2)), layer]), inputs(40, 10, 2, rank=2)
    pruned = tfsparse.prune_one_shot(model, x, "2x1", gone / 6, damping=1e-6)
    patches = np.stack([x[:, i : i + 3].reshape(len(x), 6) for i in range(8)], axis=1)
    patches = patches.reshape(-1, 6).astype("float64")
    moments = patches.T @ patches / len(patches)
    values = model.get_weights()[0], kernels(pruned)[0].variable.numpy()
    old, new = (value.reshape(6, 2).T.astype("float64") for value in values)
    assert (new == 0).sum() == 2 * gone and (new == 0).all(axis=0).sum() == gone
    best = least_error(old, moments, gone)
    assert best * 0.999 <= error(old, new, moments) <= best * slack * 1.01


def test_a_bias_takes_over_the_mean(keras):
    model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(8)])
    x = inputs(200, 8, rank=8) + np.float32(5)
    pruned = tfsparse.prune_one_shot(model, x, "channel", 0.5)
    means = np.asarray(pruned(x)).mean(axis=0)
    np.testing.assert_allclose(means, np.asarray(model(x)).mean(axis=0), atol=1e-4)


def test_sparsity_of_each_layer_is_what_was_asked_for(keras):
    model, x = network(keras), inputs(16, 8, 8, 4)
    pruned = tfsparse.prune_one_shot(
        model,
        x,
        "4x1",
        0.25,
        exclude=["conv"],
        overrides={
            "attention/*": {"schedule": 0.75},
            "attention/value": None,
            "steps": {"pattern": "2:4"},
            "dense": {"pattern": "8x2", "schedule": tfsparse.PolynomialDecay(0, 0.5, 0, 100)},
            "einsum": {"pattern": "2x1"},
        },
    )
    found = {
        kernel.path.rpartition("/")[2]: (str(kernel.pattern), share)
        for kernel, share in zip(kernels(pruned), sparsities(pruned), strict=True)
    }
    assert found == {
        "groups": ("4x1", 0.25),
        "separable": ("4x1", 0.25),
        **dict.fromkeys(("query", "key", "attention_output"), ("4x1", 0.75)),
        "steps": ("2:4", 0.5),
        "einsum": ("2x1", 0.25),
        "dense": ("8x2", 0.5),
    }


def test_a_total_is_divided_by_the_error(keras):
    model = keras.Sequential(
        [keras.Input((16,))] + [keras.layers.Dense(16, name=name) for name in ("easy", "hard")]
    )
    # What the first layer sees has two directions, and what the second sees has all.
    rotation = np.linalg.qr(np.random.default_rng(0).standard_normal((16, 16)))[0]
    model.get_layer("hard").set_weights([rotation, np.zeros(16)])
    x = inputs(200, 16, rank=2)
    pruned = tfsparse.prune_one_shot(model, x, "1x1", 0.5, scope="global")
    easy, hard = sparsities(pruned)
    assert easy + hard == pytest.approx(1.0) and easy != hard
    bounded = tfsparse.prune_one_shot(
        model, x, "4x1", 0.5, scope=tfsparse.Scope("global", 0.45, 0.55)
    )
    assert all(0.45 <= share <= 0.55 for share in sparsities(bounded))
    uniform = tfsparse.prune_one_shot(model, x, "1x1", 0.5)
    assert difference(pruned, model, x) <= difference(uniform, model, x) * 1.01


def test_fewer_examples_than_inputs(keras):
    model, x = perceptron(keras), inputs(400, 16, rank=16)
    pruned = tfsparse.prune_one_shot(model, x[:3], "4x1", 0.5, damping=0.1)
    assert sparsities(pruned) == [0.5, 0.5]
    assert np.isfinite(np.concatenate([w.ravel() for w in pruned.get_weights()])).all()
    assert difference(pruned, model, x) < 2 * difference(magnitude(model, "4x1", 0.5), model, x)


def test_damping_may_be_too_little(keras):
    model, x = perceptron(keras), np.repeat(inputs(20, 1, rank=1), 16, axis=1)
    with pytest.raises(ValueError, match=r"`damping` should be larger.*'hidden'"):
        tfsparse.prune_one_shot(model, x, "4x1", 0.5, damping=1e-30)
    assert sparsities(tfsparse.prune_one_shot(model, x, "4x1", 0.5)) == [0.5, 0.5]


def test_it_trains_on_with_its_masks_and_is_stripped(keras):
    model, x = perceptron(keras), inputs(64, 16)
    pruned = tfsparse.prune_one_shot(model, x, "4x1", 0.5)
    before = masks(pruned)
    pruned.compile("adam", "mse")
    pruned.fit(x, np.ones((64, 8)), verbose=0, callbacks=[tfsparse.UpdatePruning()])
    for mask, expected in zip(masks(pruned), before, strict=True):
        np.testing.assert_array_equal(mask, expected)
    assert_masks_hold(pruned)
    report = tfsparse.sparsity_report(pruned)
    assert [kernel.target for kernel in report.kernels] == [0.5, 0.5]
    plain = tfsparse.strip_pruning(pruned)
    np.testing.assert_array_equal(plain(x), pruned(x))


def test_zeros_that_are_there_stay_and_count(keras):
    model, x = perceptron(keras), inputs(64, 16)
    sparse = tfsparse.strip_pruning(magnitude(model, "4x1", 0.25))
    zeros = [weight == 0 for weight in sparse.get_weights() if weight.ndim == 2]
    pruned = tfsparse.prune_one_shot(sparse, x, "4x1", 0.5)
    assert sparsities(pruned) == [0.5, 0.5]
    for kernel, were in zip(kernels(pruned), zeros, strict=True):
        assert not kernel.variable.numpy()[were].any()


def test_a_model_of_a_users_class_is_pruned_in_place(keras):
    model, x = custom_layers(keras).Network(), inputs(32, 6)
    before = np.asarray(model(x))
    assert tfsparse.prune_one_shot(model, (x, None), "2x1", 0.5, inplace=True) is model
    assert set(sparsities(model)) == {0.5}
    assert 0 < np.square(np.asarray(model(x)) - before).mean() < np.square(before).mean()


def test_a_model_in_place_is_as_before_if_it_fails(keras, monkeypatch):
    model, x = custom_layers(keras).Network(), inputs(32, 6)
    model(x)
    weights = model.get_weights()
    solve, calls = kernel_problem.compensated, []

    def fail_later(*arguments):
        calls.append(arguments)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return solve(*arguments)

    monkeypatch.setattr(kernel_problem, "compensated", fail_later)
    with pytest.raises(KeyboardInterrupt):
        tfsparse.prune_one_shot(model, x, "2x1", 0.5, inplace=True)
    assert not kernels(model)
    for weight, before in zip(model.get_weights(), weights, strict=True):
        np.testing.assert_array_equal(weight, before)


def test_kernels_of_unknown_inputs_go_by_magnitude_and_are_named(keras):
    x = keras.Input((6,))
    h = custom_layers(keras).Experts(name="mine")(x)
    model = keras.Model(x, keras.layers.Dense(4, name="dense")(keras.layers.Flatten()(h)))
    with pytest.warns(UserWarning, match="pruned by magnitude.*'experts"):
        pruned = tfsparse.prune_one_shot(model, inputs(20, 6), "2x1", 0.5)
    expected = magnitude(model, "2x1", 0.5)
    assert set(sparsities(pruned)) == {0.5}
    both = zip(kernels(pruned), kernels(expected), strict=True)
    mine = [pair for pair in both if pair[0].owner_name == "mine"]
    assert mine
    for kernel, other in mine:
        np.testing.assert_array_equal(kernel.variable.numpy(), other.variable.numpy())


def test_the_same_data_give_the_same_model(keras):
    model, x = network(keras), inputs(16, 8, 8, 4)
    dataset = tf.data.Dataset.from_tensor_slices(x).batch(8)
    one, other = (tfsparse.prune_one_shot(model, d, batch_size=8) for d in (x, dataset))
    assert_same_weights(one, other)


def test_memory_is_that_of_the_largest_layer(keras):
    # Wide enough that one layer's moments (3 x 2 MB) are more than what Python keeps beside them,
    # which varies by 1.5 MB.
    def peak(depth, rows):
        layers = [keras.layers.Dense(512) for _ in range(depth)]
        model = keras.Sequential([keras.Input((512,)), *layers])
        x = inputs(rows, 512)
        tracemalloc.start()
        try:
            tfsparse.prune_one_shot(model, x, "64x4", 0.1)
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    small = peak(1, 32)
    assert peak(3, 640) < 1.25 * small


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"pattern": "4by1"}, "pattern='4by1'"),
        ({"sparsity": 1.0}, "sparsity"),
        ({"pattern": "2:4", "sparsity": 0.9}, "`schedule` should end at 0.5"),
        ({"damping": 0.0}, "`damping` should be a positive number. Received: damping=0.0"),
        ({"data": None}, "`data` should be given"),
        ({"data": np.full((4, 16), np.inf, "float32")}, "finite inputs.*'hidden'"),
        ({"exclude": ["nothing"]}, "should name layers of the model"),
        ({"overrides": {"hidden": {"sparse": 1}}}, "should give arguments among"),
        ({"overrides": ["hidden"]}, "`overrides` should map"),
        ({"exclude": ["*"]}, "at least one layer that can be pruned"),
        ({"scope": "model"}, "scope='model'"),
        ({"inplace": True}, "`inplace` should be set only for a model"),
    ],
)
def test_wrong_arguments_are_named(keras, arguments, message):
    with pytest.raises(ValueError, match=message):
        tfsparse.prune_one_shot(perceptron(keras), **{"data": inputs(8, 16), **arguments})


def test_wrong_models_are_named(keras):
    with pytest.raises(ValueError, match="a layer or a model of Keras"):
        tfsparse.prune_one_shot("model", inputs(8, 16))
    unbuilt = keras.Sequential([keras.layers.Dense(4)])
    with pytest.raises(ValueError, match="should be built and trained"):
        tfsparse.prune_one_shot(unbuilt, inputs(8, 16))
