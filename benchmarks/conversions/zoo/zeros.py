"""Zeros that others have put there, and a model without any product."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmarks.conversions.conversion_model import ConversionModel, pruned

WIDTH = 256


def tfmot(_: Path) -> Any:
    """Pruned by TensorFlow Model Optimization in blocks of (1, 4), our 4x1."""
    import numpy as np
    import tensorflow_model_optimization as tfmot
    import tf_keras

    sparsity = tfmot.sparsity.keras
    schedule = sparsity.ConstantSparsity(0.9, begin_step=0, frequency=1)
    stack = [
        tf_keras.Input((WIDTH,)),
        tf_keras.layers.Dense(1024, "relu"),
        tf_keras.layers.Dense(64),
    ]
    model = sparsity.prune_low_magnitude(
        tf_keras.Sequential(stack), pruning_schedule=schedule, block_size=(1, 4)
    )
    model.compile("sgd", "mse")
    x = np.zeros((8, WIDTH), np.float32)
    callbacks = [sparsity.UpdatePruningStep()]
    model.fit(x, np.zeros((8, 64)), epochs=2, callbacks=callbacks, verbose=0)
    return sparsity.strip_pruning(model)


def unstructured(_: Path) -> Any:
    """95% zeros one by one."""
    import keras
    from keras import layers

    stack = [keras.Input((WIDTH,)), layers.Dense(1024, "relu"), layers.Dense(64)]
    return pruned(keras.Sequential(stack), "1x1", 0.95)


def nothing(_: Path) -> Any:
    """No product at all."""
    import keras
    from keras import layers

    x = keras.Input((WIDTH,))
    return keras.Model(x, layers.Softmax()(layers.Rescaling(0.5)(layers.LayerNormalization()(x))))


MODELS = (
    ConversionModel("tfmot_1x4", "tf_keras, pruned by TFMOT 1x4 90%", tfmot),
    ConversionModel("unstructured_95", "Keras 3, 95% unstructured zeros", unstructured),
    ConversionModel("nothing", "Keras 3, nothing to convert", nothing),
)
