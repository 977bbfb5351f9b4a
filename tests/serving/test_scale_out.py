"""Beam, Ray and Spark give what one process gives; where they are not installed, that is shown."""

import sys

import numpy as np
import pytest
import tensorflow as tf

import tfsparse
from tests.serving.models import export_int8, save, spec
from tfsparse import serving
from tfsparse.serving.rows import call_columns, stack, unstack


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """A folder, inputs, and what one process gives for them."""
    folder, x = export_int8(tmp_path_factory.mktemp("scale") / "1")
    return folder, x, tfsparse.load(folder)(x)


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    folder = tmp_path_factory.mktemp("two") / "1"
    return save(
        folder,
        lambda x, a: {"sum": x + a, "less": x - a},
        spec((None, 1)),
        spec((None, 1), name="a"),
    )


def test_columns_are_cast_and_shaped(two):
    loaded = tfsparse.load(two)
    outputs = call_columns(loaded, {"x": np.arange(3), "a": np.ones(3), "id": np.arange(3)})
    assert outputs["sum"].tolist() == [[1], [2], [3]] and outputs["sum"].dtype == np.float32
    with pytest.raises(ValueError, match=r"\['a', 'x'\]. Received: \['x'\], without \['a'\]"):
        call_columns(loaded, {"x": np.ones(3)})


def test_integers_that_the_type_of_the_model_does_not_hold(tmp_path):
    loaded = tfsparse.load(save(tmp_path / "1", tf.identity, spec((None,), tf.int32)))
    (found,) = call_columns(loaded, {"x": np.array([-5, 2**31 - 1])}).values()
    assert found.tolist() == [-5, 2**31 - 1]
    with pytest.raises(ValueError, match=r"`x` should be in the range of int32.* 0 to 1099511627"):
        call_columns(loaded, {"x": np.array([0, 2**40])})


@pytest.mark.parametrize("value", [np.float32(1), np.ones(2), np.ones((4, 2))])
@pytest.mark.parametrize("others", [{}, {"other": np.ones(3)}])
def test_outputs_without_a_row_for_each_example(value, others):
    with pytest.raises(ValueError, match="Output 'y' should have a row for each of the 3"):
        unstack({"y": np.asarray(value), **others}, 3)


def test_a_column_of_lists(model):
    folder, x, expected = model
    column = np.empty(len(x), object)
    column[:] = [row.tolist() for row in x]
    (found,) = call_columns(tfsparse.load(folder), {"x": column}).values()
    np.testing.assert_array_equal(found, expected)


def column_of_bytes(x):
    column = np.empty(len(x), object)
    column[:] = [row.tobytes() for row in x]
    return column


def test_a_column_of_bytes(model, tmp_path):
    folder, x, expected = model
    loaded = tfsparse.load(folder)
    (found,) = call_columns(loaded, {"x": column_of_bytes(x)}).values()
    np.testing.assert_array_equal(found, expected)
    rows = column_of_bytes(x)
    rows[3] = rows[3][4:]
    message = r"`x` should be a column of 256 bytes .* float32\[64\]. Received: \[252, 256\]"
    with pytest.raises(ValueError, match=message):
        call_columns(loaded, {"x": rows})
    loaded = tfsparse.load(save(tmp_path / "1", tf.identity, spec((None, None))))
    with pytest.raises(ValueError, match=r"not all sizes .* shape \(None, None\)"):
        call_columns(loaded, {"x": rows})


def test_bytes_that_are_texts_stay_texts(tmp_path):
    loaded = tfsparse.load(save(tmp_path / "1", tf.strings.length, spec((None,), tf.string)))
    (found,) = call_columns(loaded, {"x": np.array([b"a", b"bcd"], object)}).values()
    assert found.tolist() == [1, 3]


def test_examples_become_batches_and_again_examples(model, two):
    folder, x, expected = model
    loaded = tfsparse.load(folder)
    np.testing.assert_array_equal(
        unstack(call_columns(loaded, stack(loaded, list(x))), len(x)), expected
    )
    loaded = tfsparse.load(two)
    examples = [{"x": np.float32([i]), "a": np.float32([1])} for i in range(3)]
    results = unstack(call_columns(loaded, stack(loaded, examples)), 3)
    assert [float(each["less"][0]) for each in results] == [-1, 0, 1]
    with pytest.raises(ValueError, match=r"dicts with the inputs \['a', 'x'\]"):
        stack(loaded, [np.ones(1)])


def test_names_that_are_not_there():
    with pytest.raises(AttributeError, match="no attribute 'DaskPredictor'"):
        serving.DaskPredictor  # noqa: B018


def test_the_function_for_spark(model, two):
    folder, x, expected = model
    np.testing.assert_array_equal(serving.spark_predict_fn(folder)()(x.astype(float)), expected)
    predict = serving.spark_predict_fn(two, inputs=["x", "a"])()
    assert predict(np.ones(2), np.zeros(2))["less"].tolist() == [[1], [1]]
    with pytest.raises(ValueError, match=r"`inputs` should list \['a', 'x'\].*inputs=None"):
        serving.spark_predict_fn(two)()


@pytest.mark.parametrize("shared", [False, True])
def test_beam_with_two_processes(model, shared):
    beam = pytest.importorskip("apache_beam")
    from apache_beam.ml.inference.base import RunInference
    from apache_beam.options.pipeline_options import PipelineOptions
    from apache_beam.testing.util import assert_that

    folder, x, expected = model
    options = PipelineOptions(
        runner="DirectRunner",
        direct_running_mode="multi_processing",
        direct_num_workers=2,
    )
    by_row = {row.tobytes(): result for row, result in zip(x, expected, strict=True)}

    def check(results):
        assert len(results) == len(by_row)
        for each in results:
            np.testing.assert_array_equal(each.inference, by_row[each.example.tobytes()])

    with beam.Pipeline(options=options) as pipeline:
        handler = serving.BeamModelHandler(folder, max_batch_size=16, large_model=shared)
        results = pipeline | beam.Create(list(x)) | RunInference(handler)
        assert_that(results, check)


def test_ray_with_two_actors(model):
    ray = pytest.importorskip("ray")
    folder, x, expected = model
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    try:
        data = ray.data.from_items([{"x": row, "id": i} for i, row in enumerate(x)])
        found = data.map_batches(
            serving.RayPredictor, fn_constructor_args=[folder], concurrency=2, batch_size=8
        ).take_all()
    finally:
        ray.shutdown()
    assert sorted(each["id"] for each in found) == list(range(len(x)))
    for each in found:
        np.testing.assert_array_equal(each["output_0"], expected[each["id"]])


def test_spark_with_two_workers(model, monkeypatch):
    pytest.importorskip("pyspark")
    monkeypatch.setenv("PYSPARK_PYTHON", sys.executable)
    from pyspark.ml.functions import predict_batch_udf
    from pyspark.sql import SparkSession
    from pyspark.sql.types import ArrayType, FloatType

    folder, x, expected = model
    builder = SparkSession.builder.master("local[2]")
    session = builder.config("spark.ui.enabled", "false").getOrCreate()
    try:
        predict = predict_batch_udf(
            serving.spark_predict_fn(folder),
            return_type=ArrayType(FloatType()),
            batch_size=16,
            input_tensor_shapes=[[x.shape[1]]],
        )
        rows = [(i, row.tolist()) for i, row in enumerate(x)]
        frame = session.createDataFrame(rows, ["id", "x"]).repartition(2)
        found = frame.withColumn("y", predict("x")).collect()
    finally:
        session.stop()
    assert len(found) == len(x)
    for row in found:
        np.testing.assert_array_equal(np.float32(row["y"]), expected[row["id"]])
