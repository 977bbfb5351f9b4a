"""Norms take the statistics of what they are given, in nested models too."""

import keras
import numpy as np

from benchmarks.models.settling import settle_norms


def test_norms_normalize_what_they_were_given():
    inner = keras.Sequential(
        [keras.Input((4, 4, 3)), keras.layers.BatchNormalization(epsilon=1e-6)]
    )
    image = keras.Input((4, 4, 3), name="image")
    norm = keras.layers.BatchNormalization(momentum=0.9)
    model = keras.Model(image, norm(inner(image)))
    x = np.random.default_rng(0).normal(5, 3, (8, 4, 4, 3)).astype("float32")
    settle_norms(model, {"image": x})
    y = model.predict(x, verbose=0)
    np.testing.assert_allclose(y.mean((0, 1, 2)), 0, atol=1e-3)
    np.testing.assert_allclose(y.std((0, 1, 2)), 1, atol=1e-2)
    assert norm.momentum == 0.9


def test_a_model_without_norms_is_left_alone():
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(2)])
    before = model.get_weights()
    settle_norms(model, {"no such input": np.zeros((1, 2), "float32")})
    assert all((a == b).all() for a, b in zip(before, model.get_weights(), strict=True))
