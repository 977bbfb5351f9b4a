"""What many workers make of a machine: Beam, Ray and Spark beside one process that saturates it.

    python -m benchmarks.scale_out --json scale.json

A perceptron in INT8 runs over the same examples in every way. "one process" calls `tfsparse.load`
on as many threads as the machine has cores, and is what the others are measured by: frameworks add
processes, and what it takes to hand examples to them. Results are compared with those of the one
process, bit for bit.

Each way is measured between two runs of the one process, whose mean is what it is compared with:
the weather of a machine changes within minutes. Workers note when each batch began and ended, and
the rate is that of the time in which all of them had begun and none had ended: how long a framework
takes to start is another question.

"us an example" is what a worker spends on an example beside the model. It is a matter of the
framework and the size of an example, so it weighs less the more a model computes (`--width`).
"""

from __future__ import annotations

import argparse
import math
import os
import sys
import tempfile
import threading
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
_FIRST = 2
"""Batches of a worker that do not count: in them it packs weights, and makes its buffers."""
ONE = "one process"

Way = Callable[[str, np.ndarray, int, int, Path], np.ndarray]
"""Folder, examples, workers, batch, and where workers note their batches; gives results."""


def note(notes: Path, start: float, examples: int) -> None:
    """Writes down a batch of this worker that has ended now."""
    with (notes / f"{os.getpid()}-{threading.get_ident()}").open("a") as file:
        file.write(f"{start} {time.time()} {examples}\n")


def steady_rate(notes: Path) -> float:
    """Examples a second while all workers were at work, each after its first two batches."""
    workers = [
        [tuple(map(float, line.split())) for line in file.read_text().splitlines()[_FIRST:]]
        for file in notes.iterdir()
    ]
    if not workers or not all(workers):
        return math.nan
    begin = max(min(start for start, _, _ in batches) for batches in workers)
    end = min(max(ended for _, ended, _ in batches) for batches in workers)
    count = sum(
        examples * max(0.0, min(ended, end) - max(start, begin)) / (ended - start)
        for batches in workers
        for start, ended, examples in batches
    )
    return count / (end - begin) if end > begin else math.nan


def export_model(folder: str, width: int) -> None:
    """Exports a perceptron of three layers, 90% zeros in 4x1 blocks, INT8."""
    keras.utils.set_random_seed(0)
    layers = [keras.layers.Dense(width, "relu", name=f"hidden_{i}") for i in range(3)]
    head = keras.layers.Dense(OUTPUTS, name="head")
    model = keras.Sequential([keras.layers.Input((FEATURES,), name="x"), *layers, head])
    model = tfsparse.prune_block(model, "4x1", tfsparse.OneShot(0.9), exclude=["head"])
    x = np.random.default_rng(1).random((256, FEATURES), np.float32)
    tfsparse.export(model, folder, precision="int8", calibration_data=x)


def one_process(folder: str, x: np.ndarray, workers: int, batch: int, notes: Path) -> np.ndarray:
    """Threads of this process, each with a batch at a time."""
    model = tfsparse.load(folder, threads=1)

    def run(rows: np.ndarray) -> np.ndarray:
        start = time.time()
        result: np.ndarray = model(rows)
        note(notes, start, len(rows))
        return result

    with ThreadPoolExecutor(workers) as pool:
        batches = (x[start : start + batch] for start in range(0, len(x), batch))
        return np.concatenate(list(pool.map(run, batches)))


def ray(folder: str, x: np.ndarray, workers: int, batch: int, notes: Path) -> np.ndarray:
    """Actors of Ray Data's ``map_batches``."""
    import ray as library

    class Noting(tfsparse.serving.RayPredictor):
        def __call__(self, columns: dict[str, np.ndarray]) -> dict[str, Any]:
            start = time.time()
            result = super().__call__({"x": columns["data"]})
            note(notes, start, len(columns["data"]))
            return result

    library.init(num_cpus=workers, include_dashboard=False, log_to_driver=False)
    try:
        library.data.DataContext.get_current().enable_progress_bars = False
        blocks = np.array_split(x, max(1, len(x) // (16 * batch)))
        scored = library.data.from_numpy(list(blocks)).map_batches(
            Noting, fn_constructor_args=[folder], concurrency=workers, batch_size=batch
        )
        return np.concatenate([each["output_0"] for each in scored.iter_batches()])
    finally:
        library.shutdown()


def spark(folder: str, x: np.ndarray, workers: int, batch: int, notes: Path) -> np.ndarray:
    """Tasks of a local Spark."""
    import pandas as pd
    from pyspark.ml.functions import predict_batch_udf
    from pyspark.sql import SparkSession
    from pyspark.sql.types import ArrayType, FloatType

    os.environ["PYSPARK_PYTHON"] = sys.executable
    make = tfsparse.serving.spark_predict_fn(folder)

    def make_noting() -> Callable[[np.ndarray], np.ndarray]:
        predict = make()

        def run(rows: np.ndarray) -> np.ndarray:
            start = time.time()
            result: np.ndarray = predict(rows)
            note(notes, start, len(rows))
            return result

        return run

    builder = SparkSession.builder.master(f"local[{workers}]").config("spark.ui.enabled", "false")
    builder = builder.config("spark.sql.execution.arrow.pyspark.enabled", "true")
    builder = builder.config("spark.driver.memory", "2g")
    session = builder.config(
        "spark.sql.execution.arrow.maxRecordsPerBatch", str(16 * batch)
    ).getOrCreate()
    session.sparkContext.setLogLevel("ERROR")
    try:
        predict = predict_batch_udf(
            make_noting,
            return_type=ArrayType(FloatType()),
            batch_size=batch,
            input_tensor_shapes=[[FEATURES]],
        )
        table = pd.DataFrame({"id": np.arange(len(x)), "x": list(x)})
        frame = session.createDataFrame(table).repartition(4 * workers)
        scored = frame.withColumn("y", predict("x")).select("id", "y").toPandas()
        return np.stack(scored.sort_values("id")["y"].to_list()).astype(np.float32)
    finally:
        session.stop()


def beam(folder: str, x: np.ndarray, workers: int, batch: int, notes: Path) -> np.ndarray:
    """Processes of Beam's direct runner."""
    import apache_beam as library
    from apache_beam.ml.inference.base import RunInference
    from apache_beam.options.pipeline_options import PipelineOptions

    class Noting(tfsparse.serving.BeamModelHandler):
        def run_inference(self, rows: Sequence[Any], model: Any, arguments: Any = None) -> Any:
            start = time.time()
            result = super().run_inference(rows, model, arguments)
            note(notes, start, len(rows))
            return result

    options = PipelineOptions(
        runner="DirectRunner", direct_running_mode="multi_processing", direct_num_workers=workers
    )
    handler = Noting(folder, min_batch_size=batch, max_batch_size=batch)
    with tempfile.TemporaryDirectory() as out:
        with library.Pipeline(options=options) as pipeline:
            examples = pipeline | library.Create(list(x)) | library.Reshuffle()
            texts = examples | RunInference(handler) | library.Map(_as_text)
            _ = texts | library.io.WriteToText(f"{out}/y")
        lines = [line for file in Path(out).iterdir() for line in file.read_text().split()]
    return np.stack([np.frombuffer(bytes.fromhex(line), np.float32) for line in lines])


def _as_text(result: Any) -> str:
    text: str = result.inference.tobytes().hex()
    return text


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
        before, expected = _measure(ONE, f"{scratch}/1", x, options)
        assert expected is not None
        for name in options.ways.split(","):
            record, results = _measure(name, f"{scratch}/1", x, options)
            after, _ = _measure(ONE, f"{scratch}/1", x, options)
            around = [each["examples_per_second"] for each in (before, after)]
            record["one_process"] = None if None in around else sum(around) / 2
            record["equal"] = None if results is None else _are_equal(expected, results)
            records.append(record)
            before = after
    show(_table(records, options))
    if options.json:
        write_json(options.json, records)
    return 0 if all(record["equal"] in (None, True) for record in records) else 1


def _measure(
    name: str, folder: str, x: np.ndarray, options: argparse.Namespace
) -> tuple[dict[str, Any], np.ndarray | None]:
    record: dict[str, Any] = {"way": name, "workers": options.workers, "equal": None}
    try:
        with tempfile.TemporaryDirectory() as notes:
            results = WAYS[name](folder, x, options.workers, options.batch, Path(notes))
            rate = steady_rate(Path(notes))
    except ImportError as error:
        return record | {"examples_per_second": None, "note": f"not installed: {error.name}"}, None
    if math.isnan(rate):
        note = "too few examples: there was no time in which all workers were at work"
        return record | {"examples_per_second": None, "note": note}, results
    return record | {"examples_per_second": rate, "note": ""}, results


def _are_equal(expected: np.ndarray, results: np.ndarray) -> bool:
    """Whether the rows are the same, in whatever order."""
    if expected.shape != results.shape:
        return False
    return bool((np.sort(expected, axis=0) == np.sort(results, axis=0)).all())


def _table(records: Sequence[dict[str, Any]], options: argparse.Namespace) -> Table:
    title = f"{options.workers} workers, batch {options.batch}, layers of {options.width}"
    heads = ("way", "examples/s", "one process", "share", "us an example", "equal")
    table = Table(*heads, title=title)
    for column in table.columns[1:]:
        column.justify = "right"
    for record in records:
        rate = record["examples_per_second"]
        if rate is None:
            table.add_row(record["way"], record["note"])
            continue
        base = record["one_process"]
        if base is None:
            table.add_row(record["way"], f"{rate:,.0f}", "-", "-", "-", str(record["equal"]))
            continue
        over = 1e6 * options.workers * (1 / rate - 1 / base)
        numbers = (f"{rate:,.0f}", f"{base:,.0f}", f"{rate / base:.2f}", f"{over:.1f}")
        table.add_row(record["way"], *numbers, str(record["equal"]))
    return table


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
