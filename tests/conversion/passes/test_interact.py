"""An interaction becomes one op: same results, tables shared, uint8 in and out."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import tfsparse
from tfsparse.conversion.op_interface import INTERACTION_OP
from tfsparse.conversion.passes import interact as passes_interact
from tfsparse.conversion.state import array_of

from ..helpers import blocky, nodes, normal, save, spec
from ..interaction_models import CASES, ROWS, TABLES, WIDTH, inputs, specs, variables_of

BATCH = 16


def converted_from(path, function, variables, **options):
    save(path, lambda **x: {"y": function(**x)}, specs(None), variables)
    return tfsparse.convert(path, **options)


@pytest.mark.parametrize("embeddings", [None, "bf16", "int8"])
@pytest.mark.parametrize("case", ["gather", "one table with offsets", "bags", "layers of Keras 3"])
def test_gives_what_the_model_gives(tmp_path, case, embeddings):
    converted = converted_from(tmp_path, CASES[case], variables_of(case), embeddings=embeddings)
    graph = converted.graph_def()
    (op,) = nodes(graph, INTERACTION_OP)
    assert not nodes(graph, "BatchMatMulV2") + nodes(graph, "ResourceGather")
    x = inputs(BATCH, 3)
    expected = CASES[case](**{key: tf.constant(value) for key, value in x.items()})
    error = {None: 1e-5, "bf16": 0.05, "int8": 0.1}[embeddings]
    np.testing.assert_allclose(converted(**x)["y"], expected, rtol=error, atol=error)
    (row,) = converted.report.whole_layers
    assert (row.kind, row.converted) == ("interaction", True)
    assert "1 of 1 interactions in one op each" in str(converted.report)
    wanted = {None: tf.float32, "bf16": tf.bfloat16, "int8": tf.int8}[embeddings]
    assert tf.as_dtype(op.attr["Ttables"].list.type[0]) == wanted


def test_negative_ids_count_from_the_end_where_keras_says_so(tmp_path):
    case = "layers of Keras 3"
    converted = converted_from(tmp_path, CASES[case], variables_of(case))
    x = inputs(BATCH)
    x["ids"] = -1 - x["ids"]
    expected = CASES[case](**{key: tf.constant(value) for key, value in x.items()})
    np.testing.assert_allclose(converted(**x)["y"], expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("case", ["gather", "layers of Keras 3"])
def test_ids_out_of_range_are_an_error_as_before(tmp_path, case):
    converted = converted_from(tmp_path, CASES[case], variables_of(case))
    x = inputs(BATCH)
    x["ids"][3, 1] = ROWS[1]
    with pytest.raises(tf.errors.InvalidArgumentError, match="not in"):
        converted(**x)


def test_tables_are_saved_once_and_those_that_nothing_reads_are_gone(tmp_path):
    # Larger than what conversion makes constants of, in INT8 too.
    shape = (270_000, 16)
    big = tf.Variable(np.ones(shape, np.float32), name="big/embeddings")

    def function(dense, ids):
        rows = [tf.gather(big, ids[:, place]) for place in range(3)]
        stacked = tf.stack([tf.tile(dense, [1, 4]), *rows], axis=1)
        return {"y": tf.reshape(tf.matmul(stacked, stacked, transpose_b=True), [-1, 16])}

    save(tmp_path / "source", function, specs(None), [big])
    shapes = {}
    for embeddings in (None, "int8"):
        folder = tmp_path / str(embeddings)
        tfsparse.export(tmp_path / "source", folder, embeddings=embeddings)
        found = tf.train.list_variables(str(folder / "variables" / "variables"))
        shapes[embeddings] = sorted(tuple(shape) for _, shape in found if len(shape))
    assert shapes == {None: [shape], "int8": [shape]}


def perceptrons(path):
    """A dense vector by a product, an interaction, and two products behind it."""
    kernels = {
        "bottom": blocky(WIDTH, 64, (1, 1), 1.0, 1).T,
        "top": blocky(256, 11, (1, 1), 1.0, 2).T,
        "last": blocky(64, 256, (4, 4), 0.2, 3).T,
    }
    kept = {
        name: tf.Variable(value / np.float32(np.sqrt(len(value))), name=f"{name}/kernel")
        for name, value in kernels.items()
    }

    def function(x, ids):
        dense = tf.nn.relu(tf.matmul(x, kept["bottom"]))
        rows = [tf.gather(table, ids[:, place]) for place, table in enumerate(TABLES)]
        stacked = tf.stack([dense, *rows], axis=1)
        products = tf.matmul(stacked, stacked, transpose_b=True)
        mask = np.tril(np.ones((4, 4), bool), -1)
        pairs = tf.boolean_mask(products, mask, axis=1)
        features = tf.ensure_shape(tf.concat([dense, pairs], 1)[:, :10], [None, 10])
        features = tf.pad(features, [[0, 0], [0, 1]])
        return {"y": tf.matmul(tf.nn.relu(tf.matmul(features, kept["top"])), kept["last"])}

    given = {"x": spec(None, 64), "ids": spec(None, 3, dtype=tf.int32)}
    save(path, function, given, [*TABLES, *kept.values()])
    x = {"x": np.abs(normal((64, 64), 4)), "ids": inputs(64)["ids"]}
    return x


def test_uint8_goes_in_and_out(tmp_path):
    x = perceptrons(tmp_path)
    overrides = dict.fromkeys(("bottom", "top", "last"), "convert")
    converted = tfsparse.convert(
        tmp_path, "int8", x, overrides=overrides, embeddings="int8", batch_size=2048
    )
    (op,) = nodes(converted.graph_def(), INTERACTION_OP)
    assert op.attr["Tdense"].type == tf.uint8.as_datatype_enum
    assert op.attr["Tout"].type == tf.uint8.as_datatype_enum
    assert converted.report["bottom"].output == "uint8"
    assert converted.report["top"].input == "uint8"
    expected = tf.saved_model.load(str(tmp_path)).signatures["serving_default"]
    expected = expected(**{key: tf.constant(value) for key, value in x.items()})["y"].numpy()
    error = np.sqrt(np.mean((converted(**x)["y"] - expected) ** 2)) / expected.std()
    assert error < 0.05


def test_stays_where_overrides_or_ops_say_so(tmp_path):
    case = CASES["gather"]
    save(tmp_path, lambda **x: {"y": case(**x)}, specs(None), TABLES)
    for options in ({"ops": "tensorflow"},):
        converted = tfsparse.convert(tmp_path, **options)
        (row,) = converted.report.whole_layers
        assert not row.converted and "TensorFlow" in row.reason
        assert not nodes(converted.graph_def(), INTERACTION_OP)


def test_a_table_that_int8_cannot_hold_stays_with_the_reason(tmp_path):
    table = tf.Variable(np.full((5, WIDTH), np.nan, np.float32), name="broken/embeddings")

    def function(dense, ids):
        rows = [tf.gather(table, ids[:, place]) for place in range(3)]
        stacked = tf.stack([dense, *rows], axis=1)
        return tf.reshape(tf.matmul(stacked, stacked, transpose_b=True), [-1, 16])

    converted = converted_from(tmp_path, function, [table], embeddings="int8")
    (row,) = converted.report.whole_layers
    assert not row.converted and "a table cannot become int8" in row.reason


def test_both_towers_behind_a_split_get_their_part(tmp_path):
    def function(dense, ids):
        one, other = tf.split(CASES["gather"](dense, ids), 2, axis=1)
        return {"one": tf.exp(one), "other": tf.exp(other)}

    save(tmp_path, function, specs(None), TABLES)
    converted = tfsparse.convert(tmp_path)
    assert len(nodes(converted.graph_def(), INTERACTION_OP)) == 1
    x = inputs(BATCH)
    expected = function(**{key: tf.constant(value) for key, value in x.items()})
    for key, value in expected.items():
        np.testing.assert_allclose(converted(**x)[key], value, rtol=1e-5, atol=1e-5)


def test_a_table_is_read_once_for_all_its_lookups(tmp_path, monkeypatch):
    # One for all lookups, too large to be a constant.
    table = tf.Variable(np.ones((300_000, WIDTH), np.float32), name="joined/embeddings")
    reads = []

    def counted(tensor):
        reads.append(tensor.shape)
        return array_of(tensor)

    monkeypatch.setattr(passes_interact, "array_of", counted)

    def function(dense, ids):
        rows = [tf.gather(table, ids[:, place]) for place in range(3)]
        stacked = tf.stack([dense, *rows], axis=1)
        return tf.reshape(tf.matmul(stacked, stacked, transpose_b=True), [-1, 16])

    converted_from(tmp_path, function, [table], embeddings="int8")
    assert reads == [table.shape]


def test_embeddings_that_change_nothing_are_said():
    model = keras.Sequential([keras.layers.Input((4,)), keras.layers.Dense(2)])
    (note,) = tfsparse.convert(model, embeddings="int8").report.notes
    assert note.startswith("`embeddings` changes no table")
    with pytest.raises(ValueError, match="`embeddings` should be None with ops='tensorflow'"):
        tfsparse.convert(model, embeddings="int8", ops="tensorflow")


def test_embeddings_is_checked():
    model = keras.Sequential([keras.layers.Input((4,)), keras.layers.Dense(2)])
    with pytest.raises(ValueError, match="`embeddings` should be 'bf16' or 'int8'"):
        tfsparse.convert(model, embeddings="int4")
