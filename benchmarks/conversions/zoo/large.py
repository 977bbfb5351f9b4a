"""Models of more than a gigabyte."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmarks.conversions.conversion_model import ConversionModel, pruned
from benchmarks.models.keras_hub_bert import bert

TABLES, IDS, WIDTH = 26, 100_000, 128
BERT_LENGTH, BERT_VOCABULARY = 32, 30522


def bert_large(_: Path) -> Any:
    """BERT-large's layers; the sequence is short, since memory is what is looked at."""
    model = bert(24, 1024, 16, length=BERT_LENGTH, vocabulary=BERT_VOCABULARY)
    return pruned(model, "2x1", 0.7)


def dlrm(_: Path) -> Any:
    """DLRM with the dot interaction, and 26 tables of 51 MB."""
    import keras
    from keras import layers, ops

    def perceptron(inputs: int, sizes: tuple[int, ...], last: str) -> Any:
        hidden = [layers.Dense(size, "relu") for size in sizes[:-1]]
        stack = [keras.Input((inputs,)), *hidden, layers.Dense(sizes[-1], last)]
        return pruned(keras.Sequential(stack), "16x4", 0.85)

    numbers = keras.Input((13,), name="numbers")
    ids = keras.Input((TABLES,), dtype="int32", name="ids")
    bottom = layers.Dense(512, "relu")(numbers)
    bottom = perceptron(512, (256, WIDTH), "relu")(bottom)
    rows = [layers.Embedding(IDS, WIDTH)(ids[:, table]) for table in range(TABLES)]
    stacked = ops.stack([bottom, *rows], axis=1)
    dots = layers.Reshape(((TABLES + 1) ** 2,))(layers.Dot(axes=2)([stacked, stacked]))
    top = perceptron((TABLES + 1) ** 2 + WIDTH, (1024, 1024, 512, 256), "relu")
    joined = layers.Concatenate()([dots, bottom])
    click = layers.Dense(1, "sigmoid", name="click")(top(joined))
    return keras.Model([numbers, ids], click)


MODELS = (
    ConversionModel(
        "bert_large",
        "KerasHub's BERT with BERT-large's 24 layers of 1024, 2x1 70%, 1.3 GB",
        bert_large,
        {"token_ids": BERT_VOCABULARY, "segment_ids": 2, "padding_mask": 2},
        is_large=True,
    ),
    ConversionModel(
        "dlrm_tables",
        "DLRM with 26 tables of 100,000 by 128, 1.33 GB; perceptrons 16x4 85%",
        dlrm,
        {"ids": IDS},
        is_large=True,
    ),
)
