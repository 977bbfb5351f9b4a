"""Models that remember or draw: a VAE, and a stateful RNN."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmarks.conversions.conversion_model import ConversionModel, pruned

WIDTH, LATENT, BATCH, STEPS = 256, 64, 4, 8


def autoencoder(_: Path) -> Any:
    """A variational autoencoder that draws while it serves."""
    import keras
    from keras import layers, ops

    class Sampling(layers.Layer):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.seeds = keras.random.SeedGenerator(7)

        def call(self, inputs: Any) -> Any:
            mean, log_variance = inputs
            noise = keras.random.normal(ops.shape(mean), seed=self.seeds)
            return mean + ops.exp(0.5 * log_variance) * noise

    given = keras.Input((WIDTH,))
    hidden = layers.Dense(512, "relu")(given)
    encoder = pruned(keras.Model(given, [layers.Dense(LATENT)(hidden) for _ in range(2)]))
    code = keras.Input((LATENT,))
    decoded = layers.Dense(WIDTH, "sigmoid")(layers.Dense(512, "relu")(code))
    decoder = pruned(keras.Model(code, decoded))
    x = keras.Input((WIDTH,), name="x")
    return keras.Model(x, decoder(Sampling()(encoder(x))))


def recurrent(_: Path) -> Any:
    """An LSTM that keeps its state from call to call, and two Dense layers."""
    import keras
    from keras import layers

    head = keras.Sequential([keras.Input((128,)), layers.Dense(512, "relu"), layers.Dense(64)])
    x = keras.Input(batch_shape=(BATCH, STEPS, 32), name="x")
    return keras.Model(x, pruned(head)(layers.LSTM(128, stateful=True)(x)))


MODELS = (
    ConversionModel("vae", "Keras 3, a VAE that samples while it serves", autoencoder),
    ConversionModel("stateful_rnn", "Keras 3, a stateful LSTM", recurrent),
)
