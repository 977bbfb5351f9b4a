"""What many workers make of a machine: Beam, Ray and Spark beside one process that saturates it.

    python -m benchmarks.scale_out --json scale.json

A perceptron in INT8 runs over the same examples in every way. "one process" calls `tfsparse.load`
on as many threads as the machine has cores, and is what the others are measured by: frameworks add
processes, and what it takes to hand examples to them. Spark's workers stay from one run to the
next, and have loaded the model before they are timed. Ray and Beam start workers for each run, so a
short run is measured besides, and the rate is that of the examples that the long one has more.
Results are compared with those of the one process, bit for bit.

"examples/s" is of the run as a whole. What a framework costs besides is "us an example", over the
one process: it is a matter of the framework and the size of an example, and not of the model, so it
weighs less the more a model computes (`--width`).
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

os.environ["TF_OVERRIDE_GLOBAL_THREADPOOL"] = "1"  # before TensorFlow's first device

import keras
import numpy as np
from rich.table import Table

import tfsparse
from benchmarks.harness.json_file import write_json
from benchmarks.harness.screen import show
from tfsparse.serving.cores import usable_cores

FEATURES, OUTPUTS = 256, 16
ONE = "one process"

Way = Callable[[str, np.ndarray, int, int], tuple[float, np.ndarray]]
"""Folder, examples, workers, batch; gives seconds and results."""


def export_model(folder: str, width: int) -> None:
    """Exports a perceptron of three layers, 90% zeros in 4x1 blocks, INT8."""
    keras.utils.set_random_seed(0)
    layers = [keras.layers.Dense(width, "relu", name=f"hidden_{i}") for i in range(3)]
    head = keras.layers.Dense(OUTPUTS, name="head")
    model = keras.Sequential([keras.layers.Input((FEATURES,), name="x"), *layers, head])
    model = tfsparse.prune_block(model, "4x1", tfsparse.OneShot(0.9), exclude=["head"])
    x = np.random.default_rng(1).random((256, FEATURES), np.float32)
    tfsparse.export(model, folder, precision="int8", calibration_data=x)


def one_process(folder: str, x: np.ndarray, workers: int, batch: int) -> tuple[float, np.ndarray]:
    """Threads of this process, each with a batch at a time."""
    model = tfsparse.load(folder, threads=1)
    batches = [x[start : start + batch] for start in range(0, len(x), batch)]
    with ThreadPoolExecutor(workers) as pool:
        list(pool.map(model, batches[:workers]))
        start = time.perf_counter()
        results = list(pool.map(model, batches))
        return time.perf_counter() - start, np.concatenate(results)


def ray(folder: str, x: np.ndarray, workers: int, batch: int) -> tuple[float, np.ndarray]:
    """Actors of Ray Data's ``map_batches``."""
    import ray as library

    library.init(num_cpus=workers, include_dashboard=False, log_to_driver=False)
    try:
        library.data.DataContext.get_current().enable_progress_bars = False

        def run(rows: np.ndarray) -> tuple[float, np.ndarray]:
            blocks = np.array_split(np.arange(len(rows)), 4 * workers)
            data = library.data.from_numpy([rows[block] for block in blocks])
            data = data.map_batches(lambda each: {"x": each["data"]}, batch_size=None)
            start = time.perf_counter()
            scored = data.map_batches(
                tfsparse.serving.RayPredictor,
                fn_constructor_args=[folder],
                concurrency=workers,
                batch_size=batch,
            ).materialize()
            seconds = time.perf_counter() - start
            return seconds, np.concatenate([b["output_0"] for b in scored.iter_batches()])

        return _without_start(run, x, 4 * batch * workers)
    finally:
        library.shutdown()


def spark(folder: str, x: np.ndarray, workers: int, batch: int) -> tuple[float, np.ndarray]:
    """Tasks of a local Spark, whose Python workers stay for the second run."""
    import pandas as pd
    from pyspark.ml.functions import predict_batch_udf
    from pyspark.sql import SparkSession
    from pyspark.sql.types import ArrayType, FloatType

    os.environ["PYSPARK_PYTHON"] = sys.executable
    builder = SparkSession.builder.master(f"local[{workers}]").config("spark.ui.enabled", "false")
    builder = builder.config("spark.sql.execution.arrow.pyspark.enabled", "true")
    builder = builder.config("spark.driver.memory", "2g")
    builder = builder.config("spark.sql.execution.arrow.maxRecordsPerBatch", str(16 * batch))
    session = builder.getOrCreate()
    session.sparkContext.setLogLevel("ERROR")
    try:
        predict = predict_batch_udf(
            tfsparse.serving.spark_predict_fn(folder),
            return_type=ArrayType(FloatType()),
            batch_size=batch,
            input_tensor_shapes=[[FEATURES]],
        )

        def run(rows: np.ndarray) -> tuple[float, np.ndarray]:
            table = pd.DataFrame({"id": np.arange(len(rows)), "x": list(rows)})
            frame = session.createDataFrame(table).repartition(4 * workers).cache()
            frame.count()
            start = time.perf_counter()
            scored = frame.withColumn("y", predict("x")).select("id", "y").toPandas()
            seconds = time.perf_counter() - start
            scored = scored.sort_values("id")
            return seconds, np.stack(scored["y"].to_list()).astype(np.float32)

        run(x[: 4 * batch * workers])
        return run(x)
    finally:
        session.stop()


def beam(folder: str, x: np.ndarray, workers: int, batch: int) -> tuple[float, np.ndarray]:
    """Processes of Beam's direct runner; its start is measured apart and subtracted."""
    import apache_beam as library
    from apache_beam.ml.inference.base import RunInference
    from apache_beam.options.pipeline_options import PipelineOptions

    options = PipelineOptions(
        runner="DirectRunner", direct_running_mode="multi_processing", direct_num_workers=workers
    )
    handler = tfsparse.serving.BeamModelHandler(folder, min_batch_size=batch, max_batch_size=batch)

    def run(rows: np.ndarray) -> tuple[float, np.ndarray]:
        with tempfile.TemporaryDirectory() as out:
            start = time.perf_counter()
            with library.Pipeline(options=options) as pipeline:
                scored = pipeline | library.Create(list(rows)) | RunInference(handler)
                texts = scored | library.Map(
                    lambda each: each.example.tobytes().hex() + " " + each.inference.tobytes().hex()
                )
                _ = texts | library.io.WriteToText(f"{out}/y")
            seconds = time.perf_counter() - start
            lines = [line for file in Path(out).iterdir() for line in file.read_text().split("\n")]
        found = dict(line.split() for line in lines if line)
        results = [np.frombuffer(bytes.fromhex(found[r.tobytes().hex()]), np.float32) for r in rows]
        return seconds, np.stack(results)

    return _without_start(run, x, 4 * batch * workers)


def _without_start(
    run: Callable[[np.ndarray], tuple[float, np.ndarray]], x: np.ndarray, few: int
) -> tuple[float, np.ndarray]:
    """Seconds that all examples would take at the rate of those that a long run has more."""
    short, _ = run(x[:few])
    long, results = run(x)
    return max(1e-9, long - short) * len(x) / max(1, len(x) - few), results


WAYS: dict[str, Way] = {ONE: one_process, "Ray": ray, "Spark": spark, "Beam": beam}


def main(arguments: Sequence[str] | None = None) -> int:
    """Times all ways that are installed, prints a table, and writes it where that is asked for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scale_out")
    parser.add_argument("--ways", default=",".join(WAYS), help=f"of {', '.join(WAYS)}")
    parser.add_argument("--workers", type=int, default=usable_cores())
    parser.add_argument("--width", type=int, default=1024, help="of the hidden layers")
    parser.add_argument("--examples", type=int, default=100_000)
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args(arguments)
    x = np.random.default_rng(0).random((options.examples, FEATURES), np.float32)
    records: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as scratch:
        export_model(f"{scratch}/1", options.width)
        expected = None
        for name in dict.fromkeys([ONE, *options.ways.split(",")]):
            record, results = _measure(name, f"{scratch}/1", x, options)
            records.append(record)
            if results is not None:
                expected = results if expected is None else expected
                record["equal"] = _are_equal(expected, results)
    show(_table(records, options))
    if options.json:
        write_json(options.json, records)
    return 0 if all(record["equal"] in (None, True) for record in records) else 1


def _measure(
    name: str, folder: str, x: np.ndarray, options: argparse.Namespace
) -> tuple[dict[str, Any], np.ndarray | None]:
    record: dict[str, Any] = {"way": name, "workers": options.workers, "equal": None}
    try:
        seconds, results = WAYS[name](folder, x, options.workers, options.batch)
    except ImportError as error:
        return record | {"examples_per_second": None, "note": f"not installed: {error.name}"}, None
    return record | {"examples_per_second": len(x) / seconds, "note": ""}, results


def _are_equal(expected: np.ndarray, results: np.ndarray) -> bool:
    """Whether the rows are the same, in whatever order."""
    if expected.shape != results.shape:
        return False
    return bool((np.sort(expected, axis=0) == np.sort(results, axis=0)).all())


def _table(records: Sequence[dict[str, Any]], options: argparse.Namespace) -> Table:
    base = records[0]["examples_per_second"]
    title = f"{options.workers} workers, batch {options.batch}, layers of {options.width}"
    table = Table("way", "examples/s", "of one process", "us an example", "equal", title=title)
    for column in table.columns[1:]:
        column.justify = "right"
    for record in records:
        rate = record["examples_per_second"]
        if rate is None:
            table.add_row(record["way"], record["note"])
            continue
        over = 1e6 * options.workers * (1 / rate - 1 / base)
        table.add_row(
            record["way"], f"{rate:,.0f}", f"{rate / base:.2f}", f"{over:.1f}", str(record["equal"])
        )
    return table


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
