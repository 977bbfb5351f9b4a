"""KerasHub's BERT, 4 layers of 256, 4 heads, sequence 128."""

from __future__ import annotations

from typing import Any

from benchmarks.models.bench_model import BenchModel, token_inputs
from benchmarks.models.keras_hub_bert import bert

LENGTH, VOCABULARY = 128, 30522


def build() -> Any:
    """See `BenchModel`."""
    return bert(layers=4, width=256, heads=4, length=LENGTH, vocabulary=VOCABULARY)


MODEL = BenchModel(
    "KerasHub's BERT, 4 layers of 256, 4 heads, sequence 128",
    build,
    token_inputs(VOCABULARY, LENGTH),
    batches=(1, 8, 32),
    calibration=64,
)
