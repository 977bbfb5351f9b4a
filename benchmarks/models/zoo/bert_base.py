"""KerasHub's BERT, 12 layers of 768, 12 heads, sequence 128."""

from __future__ import annotations

from typing import Any

from benchmarks.models.bench_model import BenchModel, token_inputs
from benchmarks.models.keras_hub_bert import bert

LENGTH, VOCABULARY = 128, 30522


def build() -> Any:
    """See `BenchModel`."""
    return bert(layers=12, width=768, heads=12, length=LENGTH, vocabulary=VOCABULARY)


MODEL = BenchModel(
    "KerasHub's BERT, 12 layers of 768, 12 heads, sequence 128",
    build,
    token_inputs(VOCABULARY, LENGTH),
    batches=(1, 8),
    calibration=32,
    by_default=False,
)
