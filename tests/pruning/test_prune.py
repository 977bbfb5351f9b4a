import numpy as np
import pytest

import tfsparse
from tfsparse import ConstantSparsity, UpdatePruning
from tfsparse.pruning.binding import pruned_layers
from tfsparse.pruning.wrapper import PruneBlockMixin

from .helpers import (
    CLASSES,
    FEATURES,
    assert_same_weights,
    compile_model,
    data,
    dense_model,
    kernels,
    masks,
)
from .layer_contract import gradient_of

pytestmark = pytest.mark.one_keras

INPUTS = data()[0]


def names(model):
    return [layer.name for layer in model.layers]


def wrapped(model):
    return sorted(layer.name for layer in pruned_layers(model))


def assert_same_predictions(one, other, inputs=INPUTS):
    outputs, expected = one(inputs), other(inputs)
    if not isinstance(outputs, list | tuple):
        outputs, expected = [outputs], [expected]
    for output, wanted in zip(outputs, expected, strict=True):
        np.testing.assert_array_equal(output.numpy(), wanted.numpy())


def functional(keras):
    """Two inputs, two outputs, a shared layer, a nested model, BatchNormalization."""
    left = keras.Input((FEATURES,), name="left")
    right = keras.Input((FEATURES,), name="right")
    shared = keras.layers.Dense(16, activation="relu", name="shared")
    nested = keras.Sequential(
        [keras.Input((16,)), keras.layers.Dense(16, name="inner")], name="nested"
    )
    x = keras.layers.Add(name="sum")([shared(left), shared(right)])
    x = keras.layers.BatchNormalization(name="norm")(nested(x))
    first = keras.layers.Dense(CLASSES, name="first")(x)
    second = keras.layers.Dense(3, name="second")(x)
    return keras.Model([left, right], [first, second], name="two")


def test_sequential_keeps_names_weights_and_predictions(keras):
    model = dense_model(keras)
    pruned = tfsparse.prune_block(model)
    assert names(pruned) == names(model) and pruned.name == model.name
    assert wrapped(pruned) == ["hidden", "logits"]
    assert wrapped(model) == []
    assert_same_predictions(pruned, model)


def test_original_does_not_change(keras):
    model = dense_model(keras)
    before = [weight.copy() for weight in model.get_weights()]
    pruned = compile_model(keras, tfsparse.prune_block(model, schedule=0.5))
    pruned.fit(*data(), verbose=0, callbacks=[UpdatePruning()])
    for weight, expected in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(weight, expected)
    assert all(weight.constraint is None for weight in model.trainable_weights)


def test_functional_with_shared_and_nested_layers(keras):
    model = functional(keras)
    pruned = tfsparse.prune_block(model, schedule=0.5)
    assert names(pruned) == names(model)
    assert wrapped(pruned) == ["first", "inner", "second", "shared"]
    assert len(pruned.trainable_weights) == len(model.trainable_weights)
    assert_same_predictions(pruned, model, [INPUTS, INPUTS[::-1]])
    pruned.compile("adam", ["mse", "mse"])
    targets = [np.zeros((96, CLASSES), "float32"), np.zeros((96, 3), "float32")]
    pruned.fit([INPUTS, INPUTS], targets, epochs=2, verbose=0, callbacks=[UpdatePruning()])
    assert all(np.count_nonzero(~mask) for mask in masks(pruned))
    plain = tfsparse.strip_pruning(pruned)
    assert names(plain) == names(model) and wrapped(plain) == []
    assert len(plain.weights) == len(model.weights)
    assert_same_predictions(plain, pruned, [INPUTS, INPUTS[::-1]])


def test_a_layer_shared_between_models_stays_shared(keras):
    shared = keras.layers.Dense(FEATURES, name="shared")
    nested = keras.Sequential([keras.Input((FEATURES,)), shared], name="nested")
    inputs = keras.Input((FEATURES,))
    model = keras.Model(inputs, nested(shared(inputs)))
    pruned = tfsparse.prune_block(model)
    assert len(list(pruned_layers(pruned))) == 1
    assert len(pruned.trainable_weights) == 2
    assert_same_predictions(pruned, model)
    plain = tfsparse.strip_pruning(_run(pruned))
    assert len(plain.trainable_weights) == 2
    assert_same_predictions(plain, pruned)


def test_single_layer_is_wrapped_itself(keras):
    layer = keras.layers.Dense(8, name="mine")
    wrapper = tfsparse.prune_block(layer)
    assert isinstance(wrapper, keras.layers.Wrapper) and wrapper.layer is layer
    assert wrapper.name == "mine"


def test_list_gives_a_list(keras):
    layers = [keras.layers.Dense(8), keras.layers.Dropout(0.5), keras.layers.Dense(4)]
    result = tfsparse.prune_block(layers)
    assert [isinstance(one, PruneBlockMixin) for one in result] == [True, False, True]
    assert result[1] is layers[1]


def test_a_model_by_subclassing_with_wrapped_layers(keras):
    class Mine(keras.Model):
        def __init__(self):
            super().__init__()
            self.first = tfsparse.prune_block(keras.layers.Dense(16, "relu"), schedule=0.5)
            self.last = keras.layers.Dense(CLASSES)

        def call(self, inputs):
            return self.last(self.first(inputs))

    model = compile_model(keras, Mine())
    model.fit(*data(), epochs=2, verbose=0, callbacks=[UpdatePruning()])
    assert [mask.mean() for mask in masks(model)] == [0.5]
    assert "subclass" not in str(tfsparse.sparsity_report(model))
    with pytest.raises(ValueError, match="set `inplace`"):
        tfsparse.strip_pruning(model)
    plain = tfsparse.strip_pruning(model.first)
    assert_same_predictions(plain, model.first)


def test_a_subclassed_model_is_refused_with_the_way_out(keras):
    class Mine(keras.Model):
        def call(self, inputs):
            return inputs

    with pytest.raises(ValueError, match="cannot be cloned; set `inplace`"):
        tfsparse.prune_block(Mine())


def test_patterns_mix_by_pruning_twice(keras):
    model = tfsparse.prune_block(dense_model(keras), "16x4", 0.5, exclude=["logits"])
    assert wrapped(model) == ["hidden"]
    model = tfsparse.prune_block(model, "4x1", 0.75)
    patterns = {layer.name: str(layer.pattern) for layer in pruned_layers(model)}
    assert patterns == {"hidden": "16x4", "logits": "4x1"}


def test_masks_survive_pruning_the_rest(keras):
    model = tfsparse.prune_block(dense_model(keras), schedule=0.5, exclude=["logits"])
    compile_model(keras, model)
    model.fit(*data(), verbose=0, callbacks=[UpdatePruning()])
    both = tfsparse.prune_block(model)
    np.testing.assert_array_equal(masks(both)[0], masks(model)[0])
    assert_same_predictions(both, model)


def test_layers_that_cannot_be_pruned_are_left_and_reported(keras):
    model = keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            keras.layers.Conv2DTranspose(4, 3, name="convolution"),
            keras.layers.BatchNormalization(),
            keras.layers.Flatten(),
            keras.layers.Dense(8, name="dense"),
        ]
    )
    pruned = tfsparse.prune_block(model)
    assert wrapped(pruned) == ["dense"]
    skipped = tfsparse.sparsity_report(pruned).skipped
    assert list(skipped) == ["convolution"] and "transposed" in skipped["convolution"]
    inputs = np.random.default_rng(0).random((2, 8, 8, 3)).astype("float32")
    assert_same_predictions(pruned, model, inputs)
    with pytest.raises(ValueError, match=r"convolution: .* transposed"):
        tfsparse.prune_block(model, strict=True)
    assert wrapped(tfsparse.prune_block(model, strict=True, exclude=["convolution"])) == ["dense"]


def test_strict_does_not_mind_layers_without_a_kernel(keras):
    layers = [keras.layers.Flatten(), keras.layers.Dense(8), keras.layers.LayerNormalization()]
    model = keras.Sequential([keras.Input((4, 3)), *layers])
    assert len(wrapped(tfsparse.prune_block(model, strict=True))) == 1


def test_nothing_to_prune_is_an_error(keras):
    model = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.DepthwiseConv2D(3)])
    with pytest.raises(ValueError, match=r"at least one layer .* depthwise"):
        tfsparse.prune_block(model)
    with pytest.raises(ValueError, match="no layer with a kernel that is not excluded"):
        tfsparse.prune_block(dense_model(keras), exclude="*")


def test_convolutions_and_all_are_pruned(keras):
    model = keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            keras.layers.Conv2D(4, 3, name="convolution"),
            keras.layers.Flatten(),
            keras.layers.Dense(8, name="dense"),
        ]
    )
    pruned = tfsparse.prune_block(model, "2x1", tfsparse.OneShot(0.5), strict=True)
    assert wrapped(pruned) == ["convolution", "dense"]
    assert [np.mean(k.variable.numpy() == 0) for k in kernels(pruned)] == [0.5, 0.5]


def test_two_of_four_trains_to_its_own_sparsity(keras):
    model = compile_model(keras, tfsparse.prune_block(dense_model(keras), "2:4"))
    model.fit(*data(), epochs=2, verbose=0, callbacks=[UpdatePruning()])
    for kernel in kernels(model):
        kept = kernel.view.to_matrices(kernel.variable.numpy()) != 0
        assert (kept.reshape(*kept.shape[:2], -1, 4).sum(axis=-1) == 2).all()


def test_state_outside_of_weights_is_copied(keras):
    normalization = keras.layers.Normalization()
    normalization.adapt(INPUTS * 3 + 1)
    model = keras.Sequential([keras.Input((FEATURES,)), normalization, keras.layers.Dense(8)])
    assert_same_predictions(tfsparse.prune_block(model), model)


def test_an_adapted_vocabulary_is_copied(keras):
    lookup = keras.layers.StringLookup(output_mode="multi_hot")
    lookup.adapt(np.array([["red", "green"], ["blue", "red"]]))
    model = keras.Sequential([keras.Input((2,), dtype="string"), lookup, keras.layers.Dense(8)])
    import tensorflow as tf

    words = tf.constant([["red", "blue"], ["green", "grey"]])
    assert_same_predictions(tfsparse.prune_block(model), model, words)


def test_a_sequential_model_that_is_built_late(keras):
    model = keras.Sequential([keras.layers.Dense(16, name="a"), keras.layers.Dense(8, name="b")])
    pruned = compile_model(keras, tfsparse.prune_block(model, schedule=0.5))
    pruned.fit(*data(), epochs=2, verbose=0, callbacks=[UpdatePruning()])
    assert [mask.mean() for mask in masks(pruned)] == [0.5, 0.5]
    built = keras.Sequential([keras.layers.Dense(16), keras.layers.Dense(8)])
    built(INPUTS)
    assert_same_predictions(tfsparse.prune_block(built), built)


def test_frozen_layers_stay_frozen(keras):
    model = dense_model(keras)
    model.get_layer("hidden").trainable = False
    pruned = tfsparse.prune_block(model)
    assert len(pruned.trainable_weights) == 2
    model.trainable = False
    assert not tfsparse.prune_block(model).trainable_weights


def test_a_compiled_model_with_an_unregistered_loss(keras):
    model = dense_model(keras)
    model.compile("adam", lambda labels, outputs: keras.losses.mse(labels, outputs))
    assert_same_predictions(tfsparse.prune_block(model), model)
    assert model.optimizer is not None


def test_losses_of_the_layer_are_counted_once(keras):
    model = dense_model(keras, kernel_regularizer="l2", activity_regularizer="l2")
    pruned = tfsparse.prune_block(model)
    model(INPUTS), pruned(INPUTS)
    total, expected = sum(map(float, pruned.losses)), sum(map(float, model.losses))
    assert len(pruned.losses) == len(model.losses) == 2
    assert total == pytest.approx(expected)


def test_group_lasso_joins_a_regularizer_and_is_counted_once_in_a_shared_layer(keras):
    def penalty(strength, **options):
        shared = keras.layers.Dense(FEATURES, kernel_initializer="ones", **options)
        inputs = keras.Input((FEATURES,))
        model = keras.Model(inputs, shared(shared(inputs)))
        pruned = tfsparse.prune_block(model, "4x1", group_lasso=strength)
        pruned(INPUTS)
        return sum(map(float, pruned.losses))

    # Blocks of 4 ones: sqrt(4) * sqrt(4), and 36 of them.
    assert penalty(0.1) == pytest.approx(0.1 * 36 * 4)
    assert penalty(0.1, kernel_regularizer="l1") == pytest.approx(0.1 * 36 * 4 + 0.01 * 144)
    assert penalty(0.0) == 0.0


def test_group_lasso_shrinks_blocks(keras):
    norms = []
    for strength in (0.0, 0.2):
        keras.utils.set_random_seed(1)
        model = tfsparse.prune_block(dense_model(keras), group_lasso=strength)
        compile_model(keras, model, keras.optimizers.SGD(0.05))
        model.fit(*data(), epochs=3, verbose=0)
        norms.append(np.linalg.norm(kernels(model)[1].variable.numpy()))
    assert norms[1] < 0.9 * norms[0]


def test_gradient_of_pruned_blocks_is_zero(keras):
    model = tfsparse.prune_block(dense_model(keras))
    kernel = next(pruned_layers(model)).pruning.kernels[0]
    kernel.update(0.5)
    gradient = gradient_of(model, kernel.variable, INPUTS)
    flags = kernel.constraint.flags().numpy()
    assert not gradient[~flags].any() and gradient[flags].all()


def test_user_constraint_comes_first_then_the_mask(keras):
    @keras.saving.register_keras_serializable()
    class AtLeastHalf(keras.constraints.Constraint):
        def __call__(self, w):
            return keras.activations.relu(w - 0.5) + 0.5

    layer = keras.layers.Dense(8, kernel_constraint=AtLeastHalf())
    model = keras.Sequential([keras.Input((FEATURES,)), layer])
    model = tfsparse.prune_block(model, schedule=ConstantSparsity(0.5, 0))
    compile_model(keras, model)
    model.fit(*data(), verbose=0, callbacks=[UpdatePruning()])
    values = next(pruned_layers(model)).pruning.kernels[0].variable.numpy()
    assert np.mean(values == 0) == 0.5
    assert values[values != 0].min() >= 0.5


def test_masking_of_steps_passes_through(keras):
    inputs = keras.Input((None,), dtype="int32")
    x = keras.layers.Embedding(5, FEATURES, mask_zero=True)(inputs)
    x = keras.layers.Dense(6, name="steps")(x)
    model = keras.Model(inputs, keras.layers.GlobalAveragePooling1D()(x))
    assert_same_predictions(
        tfsparse.prune_block(model), model, np.array([[1, 2, 0, 0], [3, 0, 0, 0]], "int32")
    )


def test_summary_names_layers(keras):
    lines = []
    tfsparse.prune_block(dense_model(keras)).summary(print_fn=lambda line, **_: lines.append(line))
    assert "hidden (PruneBlock)" in "\n".join(lines)


def test_wrapping_twice_is_refused(keras):
    wrapper = tfsparse.prune_block(keras.layers.Dense(8))
    with pytest.raises(ValueError, match="wrapped already"):
        tfsparse.prune_block(wrapper)
    layer = keras.layers.Dense(8)
    tfsparse.prune_block(layer)(INPUTS)
    with pytest.raises(ValueError, match="wrapped already"):
        tfsparse.prune_block(layer)(INPUTS)


def test_pruning_a_model_twice_does_not_pass_for_pruning_it_anew(keras):
    model = tfsparse.prune_block(dense_model(keras), "4x1", 0.5)
    for again in (model, model.layers):
        with pytest.raises(ValueError, match=r"strip_pruning.*\['hidden', 'logits'\], which are"):
            tfsparse.prune_block(again, "4x1", 0.9)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"pattern": "4by1"}, "pattern='4by1'"),
        ({"pattern": "4:2"}, "pattern='4:2'"),
        ({"pattern": "2:4", "schedule": 0.9}, "end at 0.5, the sparsity of the pattern '2:4'"),
        ({"schedule": 1.0}, "schedule=1.0"),
        ({"schedule": "fast"}, "schedule='fast'"),
        ({"group_lasso": -1.0}, "group_lasso=-1.0"),
        ({"group_lasso": float("nan")}, "group_lasso=nan"),
        ({"criterion": "magic"}, "criterion='magic'"),
        ({"exclude": ["nobody"]}, "nobody"),
        ({"exclude": "nobody"}, "nobody"),
        ({"exclude": 3}, "Received: 3"),
        ({"overrides": ["hidden"]}, r"overrides=\['hidden'\]"),
        ({"overrides": {"hidden": {"size": 3}}}, "'hidden': {'size': 3}"),
    ],
)
def test_wrong_arguments_are_named(keras, arguments, message):
    with pytest.raises(ValueError, match=message):
        tfsparse.prune_block(dense_model(keras), **arguments)


@pytest.mark.parametrize("thing", [3, None, "dense", np.zeros(3), [3]])
def test_what_is_no_layer_is_named(thing):
    with pytest.raises(ValueError, match="Keras 3 or tf_keras"):
        tfsparse.prune_block(thing)


def test_pruned_and_plain_models_share_no_weights(keras):
    model = dense_model(keras)
    pruned = tfsparse.prune_block(model)
    plain = tfsparse.strip_pruning(_run(pruned))
    assert_same_weights(plain, model)
    plain.set_weights([weight + 1 for weight in plain.get_weights()])
    assert_same_predictions(pruned, model)


def _run(model):
    """Marks the schedules of a model as run, so that stripping does not warn."""
    for layer in pruned_layers(model):
        layer.pruning.clock.next_step = 1
        layer.pruning.clock.store()
    return model
