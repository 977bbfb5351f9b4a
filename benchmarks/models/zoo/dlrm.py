"""DLRM as MLPerf has it, whole, with tables of ten thousand rows."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.models.bench_model import Arrays, BenchModel

ROWS = 10_000


def build() -> Any:
    """See `BenchModel`."""
    from examples.dlrm.architecture import TABLES, build

    return build([ROWS] * TABLES)


def inputs(rng: np.random.Generator, rows: int) -> Arrays:
    """See `BenchModel`: numbers as the logarithms of counts, and ids without any skew."""
    from examples.dlrm.architecture import DENSE_FEATURES, TABLES

    return {
        "dense": np.log1p(rng.geometric(0.05, (rows, DENSE_FEATURES))).astype(np.float32),
        "ids": rng.integers(0, ROWS, (rows, TABLES), np.int32),
    }


MODEL = BenchModel(
    "DLRM, 26 tables of 10,000 x 128, 13-512-256-128 and 479-1024-1024-512-256-1",
    build,
    inputs,
    batches=(1, 64, 2048),
    calibration=512,
    exclude=("bottom_0", "top_4"),
    int8_options={"embeddings": "int8"},
)
