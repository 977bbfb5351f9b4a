"""Python workers of a local Spark, which read a Parquet file."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import tfsparse
from benchmarks.scale_out.job import Job
from benchmarks.scale_out.notes import noted

_PARTS_OF_A_WORKER = 2


def run_on_arrays(job: Job) -> np.ndarray:
    """With a column of arrays of numbers, which Spark takes apart and makes again."""
    shape = [list(job.x.shape[1:])]
    return _run(job, lambda part: list(part), input_tensor_shapes=shape)


def run_on_bytes(job: Job) -> np.ndarray:
    """With a column of bytes, each the numbers of an example."""
    return _run(job, lambda part: [row.tobytes() for row in part])


def _run(job: Job, as_column: Callable[[np.ndarray], list[Any]], **options: Any) -> np.ndarray:
    import pyarrow
    import pyarrow.parquet
    from pyspark.ml.functions import predict_batch_udf
    from pyspark.sql import SparkSession
    from pyspark.sql.types import ArrayType, FloatType

    os.environ["PYSPARK_PYTHON"] = sys.executable
    builder = SparkSession.builder.master(f"local[{job.workers}]")
    for key, value in _SETTINGS.items():
        builder = builder.config(f"spark.{key}", value)
    builder = builder.config("spark.sql.execution.arrow.maxRecordsPerBatch", str(16 * job.batch))
    with tempfile.TemporaryDirectory() as scratch:
        for index, part in enumerate(np.array_split(job.x, _PARTS_OF_A_WORKER * job.workers)):
            table = pyarrow.table({"x": as_column(part)})
            file = Path(scratch, f"{index}.parquet")
            pyarrow.parquet.write_table(table, file, compression="none", use_dictionary=False)
        session = builder.getOrCreate()
        session.sparkContext.setLogLevel("ERROR")
        try:
            predict = predict_batch_udf(
                _noting(job), return_type=ArrayType(FloatType()), batch_size=job.batch, **options
            )
            frame = session.read.parquet(scratch).select(predict("x").alias("y")).toPandas()
            return np.stack(frame["y"].to_list()).astype(np.float32)
        finally:
            session.stop()


_SETTINGS = {
    "ui.enabled": "false",
    "driver.memory": "2g",
    "sql.execution.arrow.pyspark.enabled": "true",
    "sql.files.openCostInBytes": str(1 << 30),  # a task for each file
}


def _noting(job: Job) -> Callable[[], Callable[[np.ndarray], np.ndarray]]:
    make, notes = tfsparse.serving.spark_predict_fn(job.folder), job.notes

    def make_noting() -> Callable[[np.ndarray], np.ndarray]:
        predict = make()

        def call(rows: np.ndarray) -> np.ndarray:
            with noted(notes, len(rows)):
                result: np.ndarray = predict(rows)
            return result

        return call

    return make_noting
