"""Texts come in: the vocabulary is in the model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmarks.conversions.conversion_model import ConversionModel, pruned
from benchmarks.conversions.random_inputs import WORDS


def classifier(_: Path) -> Any:
    """TextVectorization, an embedding, and two Dense layers."""
    import keras
    from keras import layers

    vectorize = layers.TextVectorization(output_sequence_length=16, vocabulary=sorted(VOCABULARY))
    text = keras.Input((), dtype="string", name="text")
    ids = keras.Input((16,), dtype="int64", name="ids")
    x = layers.GlobalAveragePooling1D()(layers.Embedding(100, 256)(ids))
    head = pruned(keras.Model(ids, layers.Dense(8)(layers.Dense(512, "relu")(x))))
    return keras.Model(text, head(vectorize(text)))


VOCABULARY = {word.lower().strip("!") for word in WORDS}
MODELS = (ConversionModel("text_classifier", "Keras 3, TextVectorization inside", classifier),)
