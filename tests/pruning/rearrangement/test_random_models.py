"""Random models of layers of many kinds: rearranged or refused, they compute what they did."""

import numpy as np
import pytest

import tfsparse
from tests.long_cases import some_of

pytestmark = pytest.mark.one_keras

STEPS = 4


class Garden:
    """Grows a model of random layers on sequences of `STEPS` places."""

    def __init__(self, keras, seed):
        self.keras, self.layers = keras, keras.layers
        self.rng = np.random.default_rng(seed)
        self.shared = {}
        self.x = keras.Input((STEPS, 8))
        self.pool = [self.x, self.layers.Dense(8)(self.x)]

    def model(self, size=8):
        """A model of that many calls."""
        kinds = [getattr(self, name) for name in dir(self) if name.startswith("grow_")]
        for _ in range(size):
            self.pool.append(kinds[self.rng.integers(len(kinds))](self.pick()))
        ends = [self.layers.LayerNormalization()(h) for h in self.pool[-3:]]
        h = self.layers.Concatenate()(ends)
        end = self.layers.Flatten if self.rng.random() < 0.5 else self.layers.GlobalMaxPooling1D
        return self.randomized(self.keras.Model(self.x, self.layers.Dense(3)(end()(h))))

    def randomized(self, model):
        def value(shape):
            if len(shape) < 2:
                return np.abs(self.rng.standard_normal(shape)) + 0.5
            return self.rng.standard_normal(shape) / np.sqrt(np.prod(shape[:-1]))

        model.set_weights([value(w.shape) for w in model.get_weights()])
        return model

    def pick(self):
        return self.pool[-1 - min(self.rng.geometric(0.5) - 1, len(self.pool) - 1)]

    def like(self, h):
        """Another result with as many channels."""
        same = [one for one in self.pool if one.shape[-1] == h.shape[-1] and one is not h]
        if same:
            return same[self.rng.integers(len(same))]
        return self.layers.Dense(h.shape[-1])(self.pick())

    def once(self, name, h, make):
        """A layer that is shared by all calls with as many channels."""
        key = name, h.shape[-1]
        if key not in self.shared:
            self.shared[key] = make()
        return self.shared[key]

    def grow_dense(self, h):
        return self.layers.Dense(8, "relu")(h)

    def grow_shared_dense(self, h):
        return self.once("dense", h, lambda: self.layers.Dense(h.shape[-1]))(h)

    def grow_einsum(self, h):
        axes = [None, "b", "d", "bd"][self.rng.integers(4)]
        return self.layers.EinsumDense("abc,cd->abd", (STEPS, 8), bias_axes=axes)(h)

    def grow_einsum_by_step(self, h):
        return self.layers.EinsumDense("abc,bcd->abd", (STEPS, 8), bias_axes="d")(h)

    def grow_convolution(self, h):
        groups = 2 if h.shape[-1] % 2 == 0 and self.rng.random() < 0.3 else 1
        return self.layers.Conv1D(8, 3, padding="causal", groups=groups)(h)

    def grow_transposed(self, h):
        return self.layers.Conv1DTranspose(8, 3, padding="same")(h)

    def grow_depthwise(self, h):
        times = 2 if h.shape[-1] < 16 and self.rng.random() < 0.3 else 1
        return self.layers.DepthwiseConv1D(3, padding="same", depth_multiplier=times)(h)

    def grow_separable(self, h):
        return self.layers.SeparableConv1D(8, 3, padding="same")(h)

    def grow_batch_norm(self, h):
        return self.layers.BatchNormalization()(h)

    def grow_shared_norm(self, h):
        return self.once("norm", h, self.layers.LayerNormalization)(h)

    def grow_norm_of_steps(self, h):
        return self.layers.LayerNormalization(axis=int(self.rng.integers(1, 3)))(h)

    def grow_prelu(self, h):
        return self.layers.PReLU(shared_axes=[1] if self.rng.random() < 0.5 else None)(h)

    def grow_softmax(self, h):
        return self.layers.Softmax(axis=int(self.rng.integers(1, 3)))(h)

    def grow_add(self, h):
        return self.layers.Add()([h, self.like(h)])

    def grow_operator(self, h):
        other = self.like(h)
        return [h + other, h * other, h - other][self.rng.integers(3)]

    def grow_broadcast(self, h):
        return self.layers.Multiply()([h, self.layers.Dense(1, "sigmoid")(self.pick())])

    def grow_number(self, h):
        return h * 0.5 + 1.0

    def grow_constant(self, h):
        values = self.rng.random(h.shape[-1]).astype("float32")
        if self.keras.__name__ == "tf_keras" and self.rng.random() < 0.7:
            values = values.tolist()
        return h * values

    def grow_concatenation(self, h):
        other = self.pick()
        return self.layers.Dense(8)(self.layers.Concatenate()([h, other, h]))

    def grow_concatenation_of_steps(self, h):
        h = self.layers.Concatenate(axis=1)([h, self.like(h)])
        return self.layers.AveragePooling1D(2)(h)

    def grow_attention(self, h):
        return self.layers.MultiHeadAttention(2, 4)(h, self.pick(), key=self.pick())

    def grow_masked_attention(self, h):
        mask = self.layers.Dense(STEPS, "relu")(self.x)
        return self.layers.MultiHeadAttention(2, 4)(h, h, attention_mask=mask)

    def grow_shared_attention(self, h):
        layer = self.once("attention", h, lambda: self.layers.MultiHeadAttention(2, 4))
        other = self.like(h)
        if self.rng.random() < 0.5:
            return layer(value=other, query=h)
        return layer(h, other, key=h)

    def grow_reshaped(self, h):
        shapes = [(STEPS, h.shape[-1]), (2, -1), (h.shape[-1], STEPS)]
        flat = self.layers.Flatten()(h) if self.rng.random() < 0.5 else h
        inner = self.layers.Reshape(shapes[self.rng.integers(3)])(flat)
        return self.layers.Reshape((STEPS, h.shape[-1]))(inner)

    def grow_flat(self, h):
        return self.layers.RepeatVector(STEPS)(self.layers.Dense(8)(self.layers.Flatten()(h)))

    def grow_transposition(self, h):
        h = self.layers.Dense(STEPS, "relu")(self.layers.Permute((2, 1))(h))
        return self.layers.Dense(8)(self.layers.Permute((2, 1))(h))

    def grow_padded(self, h):
        return self.layers.Cropping1D((1, 1))(self.layers.ZeroPadding1D(1)(h))

    def grow_nested(self, h):
        def make():
            x = self.keras.Input((STEPS, h.shape[-1]))
            inner = self.layers.Dense(8, "relu")(x)
            return self.keras.Model(x, self.layers.Dense(h.shape[-1])(inner) + x)

        return self.once("nested", h, make)(h)

    def grow_nested_of_two(self, h):
        def make():
            x, y = (self.keras.Input((STEPS, h.shape[-1]), name=name) for name in ("a", "b"))
            inner = self.layers.Dense(h.shape[-1])(x) * y
            return self.keras.Model([y, x], self.layers.BatchNormalization()(inner))

        model = self.once("two", h, make)
        other = self.like(h)
        return model({"a": h, "b": other}) if self.rng.random() < 0.4 else model([h, other])


def check(keras, seed):
    """Whether a random model was rearranged."""
    model = Garden(keras, seed).model()
    x = np.random.default_rng(seed).standard_normal((3, STEPS, 8)).astype("float32")
    before, weights = np.asarray(model(x)), model.get_weights()
    try:
        report = tfsparse.rearrange(model, "2x1", 0.5)
    except ValueError as error:
        assert "order can be undone" in str(error)
        report = None
    scale = np.abs(before).max()
    np.testing.assert_allclose(model(x), before, rtol=1e-3, atol=1e-3 * scale)
    same = [np.array_equal(w, b) for w, b in zip(model.get_weights(), weights, strict=True)]
    assert all(same) == (report is None or not report.gains)
    return not all(same)


@pytest.mark.parametrize("first", some_of(range(0, 30, 10), [0]))
def test_a_random_model_computes_what_it_did(keras, first):
    moved = [check(keras, seed) for seed in range(first, first + 10)]
    assert sum(moved) >= 5
