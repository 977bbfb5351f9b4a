"""Models that do not compute in float32."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmarks.conversions.conversion_model import ConversionModel, pruned

WIDTH = 256


def perceptron(dtype: Any) -> Any:
    """Three Dense layers."""
    import keras
    from keras import layers

    hidden = [layers.Dense(1024, "relu", dtype=dtype), layers.Dense(WIDTH, "relu", dtype=dtype)]
    return pruned(keras.Sequential([keras.Input((WIDTH,)), *hidden, layers.Dense(32, dtype=dtype)]))


def _quantized(_: Path) -> Any:
    model = perceptron("float32")
    model.quantize("int8")
    return model


MODELS = (
    ConversionModel(
        "mixed_float16", "Keras 3, mixed float16", lambda _: perceptron("mixed_float16")
    ),
    ConversionModel(
        "mixed_bfloat16", "Keras 3, mixed bfloat16", lambda _: perceptron("mixed_bfloat16")
    ),
    ConversionModel("keras_int8", 'Keras 3, after quantize("int8")', _quantized),
)
