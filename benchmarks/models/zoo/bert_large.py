"""KerasHub's BERT, 24 layers of 1024, 16 heads, sequence 384, as for SQuAD."""

from __future__ import annotations

from typing import Any

from benchmarks.models.bench_model import BenchModel, token_inputs
from benchmarks.models.keras_hub_bert import bert

LENGTH, VOCABULARY = 384, 30522


def build() -> Any:
    """See `BenchModel`."""
    return bert(layers=24, width=1024, heads=16, length=LENGTH, vocabulary=VOCABULARY)


MODEL = BenchModel(
    "KerasHub's BERT, 24 layers of 1024, 16 heads, sequence 384",
    build,
    token_inputs(VOCABULARY, LENGTH),
    batches=(1, 8),
    calibration=8,
    by_default=False,
)
