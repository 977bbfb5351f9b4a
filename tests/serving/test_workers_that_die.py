"""A worker that is killed in the middle: the framework does its work again, and nothing is lost."""

import os
import sys

import numpy as np
import pytest

import tfsparse
from tests.serving.models import export_int8
from tfsparse import serving


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """A folder, inputs, and what one process gives for them."""
    folder, x = export_int8(tmp_path_factory.mktemp("dies") / "1")
    return folder, x, tfsparse.load(folder)(x)


def dies_once(marker):
    """What ends its process as a machine that fails does, the first time; pickled by value."""

    def die():
        try:
            os.close(os.open(marker, os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            return
        os._exit(17)

    return die


def test_an_actor_of_rays_is_killed(model, tmp_path):
    ray = pytest.importorskip("ray")
    folder, x, expected = model
    die = dies_once(str(tmp_path / "died"))

    class Dies(serving.RayPredictor):
        def __call__(self, batch):
            if 20 in batch["id"]:
                die()
            return super().__call__(batch)

    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    try:
        data = ray.data.from_items([{"x": row, "id": i} for i, row in enumerate(x)])
        found = data.map_batches(
            Dies, fn_constructor_args=[folder], concurrency=2, batch_size=8
        ).take_all()
    finally:
        ray.shutdown()
    assert (tmp_path / "died").exists()
    assert sorted(each["id"] for each in found) == list(range(len(x)))
    for each in found:
        np.testing.assert_array_equal(each["output_0"], expected[each["id"]])


def test_a_worker_of_sparks_is_killed(model, tmp_path, monkeypatch):
    pytest.importorskip("pyspark")
    pytest.importorskip("pandas")
    monkeypatch.setenv("PYSPARK_PYTHON", sys.executable)
    from pyspark.ml.functions import predict_batch_udf
    from pyspark.sql import SparkSession
    from pyspark.sql.types import ArrayType, FloatType

    folder, x, expected = model
    die, victim = dies_once(str(tmp_path / "died")), x[20].copy()
    make = serving.spark_predict_fn(folder)

    def make_one_that_dies():
        predict = make()

        def run(columns):
            if (np.asarray(columns) == victim).all(-1).any():
                die()
            return predict(columns)

        return run

    # Two workers; a task may fail three times, where a local Spark allows none by default.
    builder = SparkSession.builder.master("local[2,4]").config("spark.ui.enabled", "false")
    session = builder.getOrCreate()
    session.sparkContext.setLogLevel("OFF")
    try:
        udf = predict_batch_udf(
            make_one_that_dies,
            return_type=ArrayType(FloatType()),
            batch_size=8,
            input_tensor_shapes=[[x.shape[1]]],
        )
        rows = [(i, row.tolist()) for i, row in enumerate(x)]
        frame = session.createDataFrame(rows, ["id", "x"]).repartition(4)
        found = frame.withColumn("y", udf("x")).collect()
    finally:
        session.stop()
    assert (tmp_path / "died").exists()
    assert sorted(row["id"] for row in found) == list(range(len(x)))
    for row in found:
        np.testing.assert_array_equal(np.float32(row["y"]), expected[row["id"]])
