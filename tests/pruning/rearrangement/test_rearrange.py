import numpy as np
import pytest

import tfsparse

from ..custom_layers import custom_layers
from ..helpers import kernels

pytestmark = pytest.mark.one_keras


def randomized(model, seed=0):
    """Weights none of which is as it was initialized: variances stay positive."""
    rng = np.random.default_rng(seed)
    model.set_weights(
        [
            np.abs(rng.standard_normal(w.shape)) + 0.1
            if w.ndim == 1
            else rng.standard_normal(w.shape)
            for w in model.get_weights()
        ]
    )
    return model


def check_unchanged(model, *shapes, pattern="4x1", moved=(), scale=1e-4):
    """Rearranges, and returns what was said; outputs are the same to rounding."""
    rng = np.random.default_rng(1)
    x = [rng.standard_normal((4, *shape)).astype("float32") for shape in shapes]
    x = x[0] if len(x) == 1 else x
    before = np.asarray(model.predict(x, verbose=0))
    weights = model.get_weights()
    report = tfsparse.rearrange(model, pattern, 0.5)
    after = np.asarray(model.predict(x, verbose=0))
    np.testing.assert_allclose(after, before, rtol=1e-3, atol=scale * np.abs(before).max())
    assert set(moved) <= set(report.gains)
    for path, (was, now) in report.gains.items():
        assert path not in report.reasons and now >= was - 0.02
    changed = [not np.array_equal(w, b) for w, b in zip(model.get_weights(), weights, strict=True)]
    assert any(changed)
    return report


def test_perceptron(keras):
    layers = [keras.layers.Dense(16, "relu", name="a"), keras.layers.Dense(16, "gelu", name="b")]
    model = keras.Sequential([keras.Input((8,)), *layers, keras.layers.Dense(4, name="c")])
    report = check_unchanged(randomized(model), (8,), moved=("a", "b"))
    assert report.reasons == {"c": "they are a result of the model"}
    assert "a " in str(report) and "as it was: they are a result" in str(report)


def test_convolutions_through_everything_between_them(keras):
    layers = keras.layers
    x = keras.Input((8, 8, 3))
    h = layers.Conv2D(8, 3, padding="same", use_bias=False, name="conv")(x)
    h = layers.BatchNormalization(name="norm")(h)
    h = layers.PReLU(shared_axes=[1, 2])(layers.MaxPooling2D()(layers.Activation("relu")(h)))
    h = layers.DepthwiseConv2D(3, name="depthwise")(layers.ZeroPadding2D()(h))
    h = layers.SeparableConv2D(16, 3, padding="same", name="separable")(h)
    h = layers.LayerNormalization()(layers.Dropout(0.5)(layers.UpSampling2D()(h)))
    other = layers.Conv2D(8, 1, activation="relu", name="other")(h)
    h = layers.Concatenate()([other, h])
    h = layers.Conv2DTranspose(8, 2, name="transposed")(h)
    h = layers.Conv2D(8, 3, name="late")(h)
    flat = layers.Dense(8, "relu", name="dense")(layers.Flatten()(h))
    model = keras.Model(x, layers.Dense(2, name="last")(flat))
    moved = ("conv", "separable", "other", "late", "dense")
    check_unchanged(randomized(model), (8, 8, 3), moved=moved)


def residual(keras, branches=2):
    """A stage whose blocks are added, behind a first convolution."""
    x = keras.Input((6, 6, 4))
    h = keras.layers.Conv2D(8, 3, padding="same", name="stem")(x)
    for block in range(branches):
        inner = keras.layers.Conv2D(16, 1, activation="relu", name=f"inner{block}")(h)
        inner = keras.layers.Conv2D(8, 3, padding="same", name=f"outer{block}")(inner)
        h = keras.layers.ReLU()(keras.layers.Add()([inner, h]))
    h = keras.layers.GlobalAveragePooling2D()(h)
    return randomized(keras.Model(x, keras.layers.Dense(3, name="last")(h)))


def test_a_residual_stage_has_one_order(keras):
    model = residual(keras)
    before = [layer.get_weights()[0] for layer in model.layers if layer.name in ("stem", "outer0")]
    report = check_unchanged(model, (6, 6, 4), moved=("stem", "inner0", "outer0", "outer1"))
    after = [layer.get_weights()[0] for layer in model.layers if layer.name in ("stem", "outer0")]
    norms = [[np.square(k).sum(axis=(0, 1, 2)) for k in both] for both in (before, after)]
    orders = [
        [int(np.argmin(np.abs(old - value))) for value in new]
        for old, new in zip(*norms, strict=True)
    ]
    assert orders[0] == orders[1] != list(range(8))
    assert set(report.reasons) == {"last"}


def test_operators_are_followed_too(keras):
    x = keras.Input((8,))
    h = keras.layers.Dense(8, name="a")(x)
    h = h + keras.layers.Dense(8, "relu", name="b")(h) * 2.0
    model = randomized(keras.Model(x, keras.layers.Dense(2, name="last")(h)))
    check_unchanged(model, (8,), moved=("a", "b"))


def test_nested_models_and_layers_that_are_called_twice(keras):
    inner = keras.Sequential(
        [
            keras.Input((8,)),
            keras.layers.Dense(16, "relu", name="in"),
            keras.layers.Dense(8, name="out"),
        ],
        name="inner",
    )
    x = keras.Input((8,))
    h = keras.layers.Dense(8, name="first")(x)
    h = keras.layers.Add()([inner(inner(h)), h])
    model = randomized(keras.Model(x, keras.layers.Dense(2, name="last")(h)))
    check_unchanged(model, (8,), moved=("first", "inner/in", "inner/out"))


def test_a_transformer_has_one_order_along_its_residuals(keras):
    layers = keras.layers
    x = keras.Input((5, 8))
    h = layers.Dense(16, name="embed")(x)
    for block in range(2):
        inner = layers.MultiHeadAttention(2, 4, name=f"attention{block}")(h, h)
        h = layers.LayerNormalization(name=f"norm{block}")(layers.Add()([h, inner]))
        inner = layers.Dense(32, "gelu", name=f"up{block}")(h)
        inner = layers.EinsumDense("abc,cd->abd", (5, 16), bias_axes="d", name=f"down{block}")(
            inner
        )
        h = layers.Add()([h, inner])
    last = layers.MultiHeadAttention(2, 4, name="last")
    y = last(query=layers.Dense(8, name="to")(h), value=h, key=h)
    model = randomized(keras.Model(x, y))
    moved = [f"{name}{block}" for name in ("up", "down") for block in range(2)]
    moved += ["attention0/attention_output", "embed", "to"]
    report = check_unchanged(model, (5, 8), moved=moved)
    assert "head of attention" in report.reasons["attention0/query"]
    assert report.reasons["last/attention_output"] == "they are a result of the model"


def test_embeddings_and_sequences(keras):
    x = keras.Input((5,), dtype="int32")
    h = keras.layers.Embedding(10, 8)(x)
    h = keras.layers.Conv1D(8, 3, padding="causal", name="steps")(h)
    h = keras.layers.Reshape((1, 5, 8))(keras.layers.Permute((1, 2))(h))
    model = randomized(keras.Model(x, keras.layers.Dense(2, name="last")(h)))
    ids = np.arange(20).reshape(4, 5) % 10
    before = model.predict(ids, verbose=0)
    report = tfsparse.rearrange(model, "2x1", 0.5)
    assert "steps" in report.gains
    np.testing.assert_allclose(model.predict(ids, verbose=0), before, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize(
    ("case", "reason"),
    [
        ("groups", "'grouped' is a convolution in groups"),
        ("mixed", "'mixed' mixes channels with other axes"),
        ("own", "Experts 'own' is not known"),
        ("lambda", "Lambda 'lambda' is not known"),
        ("activation", "the activation of 'first' is not one of Keras's own"),
        ("result", "they are a result of the model"),
    ],
)
def test_where_it_cannot_be_undone_the_reason_is_named(keras, case, reason):
    layers = keras.layers
    x = keras.Input((4, 8))
    own = (lambda h: h) if case == "activation" else None
    h = first = layers.Dense(8, own, name="first")(x)
    if case == "groups":
        h = layers.Conv1D(8, 1, groups=2, name="grouped")(h)
    elif case == "mixed":
        h = layers.Reshape((8, 4), name="mixed")(h)
    elif case == "own":
        h = custom_layers(keras).Experts(name="own")(layers.GlobalMaxPooling1D()(h))
    elif case == "lambda":
        h = layers.Lambda(lambda h: h[..., ::-1], name="lambda", output_shape=(4, 8))(h)
    h = layers.Dense(2, name="last")(layers.Flatten()(h))
    model = randomized(keras.Model(x, [h, first] if case == "result" else h))
    weights = model.get_weights()
    with pytest.raises(ValueError, match="order can be undone") as error:
        tfsparse.rearrange(model)
    assert f"first: {reason}" in str(error.value)
    for weight, before in zip(model.get_weights(), weights, strict=True):
        np.testing.assert_array_equal(weight, before)


def test_more_is_kept_by_pruning_afterwards(keras):
    model = residual(keras)

    def kept():
        pruned = tfsparse.prune_block(model, "4x1", tfsparse.OneShot(0.5), exclude=["last"])
        return sum(np.square(kernel.variable.numpy()).sum() for kernel in kernels(pruned))

    before = kept()
    tfsparse.rearrange(model, "4x1", 0.5)
    assert kept() > before


def test_wrong_arguments_are_named(keras):
    model = residual(keras)
    with pytest.raises(ValueError, match=r"'AxB' with A greater than 1.*pattern='1x4'"):
        tfsparse.rearrange(model, "1x4")
    with pytest.raises(ValueError, match="pattern='2:4'"):
        tfsparse.rearrange(model, "2:4")
    with pytest.raises(ValueError, match="`sparsity` should be greater than 0"):
        tfsparse.rearrange(model, sparsity=0.0)
    with pytest.raises(ValueError, match="a model of a class of its own"):
        tfsparse.rearrange(custom_layers(keras).Network())
    with pytest.raises(ValueError, match="no layer from `prune_block`"):
        tfsparse.rearrange(tfsparse.prune_block(model))
