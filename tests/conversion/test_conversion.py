import numpy as np
import pytest
import tensorflow as tf

import tfsparse
from tfsparse import ops

from .helpers import FLOAT_OP, nodes, normal, read, save, spec

W = normal((6, 4))


@pytest.fixture(autouse=True, scope="module")
def library():
    ops.load()


def function(x):
    first = tf.matmul(x, W, name="first")
    scores = tf.matmul(first, first, transpose_b=True, name="scores")
    return {"y": scores, "z": tf.matmul(tf.exp(first), W.T.copy(), name="last")}


def run(path, overrides, precision="fp32", data=None):
    save(path, function, {"x": spec(None, 6)}, signature="a")
    converted = tfsparse.convert(path, precision, data, overrides=overrides, batch_size=8)
    return converted, list(converted.report)


def test_reports_every_product_in_the_order_of_the_graph(tmp_path):
    converted, rows = run(tmp_path / "a", {"first": "4x2"})
    order = list(read(tmp_path / "b", function, {"x": spec(None, 6)}).graph.nodes)
    products = [name for name in order if name.split("/")[-1] in ("first", "scores", "last")]
    assert [row.layer for row in rows] == [name.split("/")[-1] for name in products]
    by_layer = {row.layer: row for row in rows}
    assert by_layer["scores"].reason == "its weights are not constant"
    assert by_layer["scores"].speedup is None
    assert (by_layer["last"].converted, by_layer["last"].block) == (False, None)
    assert by_layer["first"].block == "4x2"
    assert by_layer["first"].node == nodes(converted.graph_def(), FLOAT_OP)[0].name
    assert all(row.signatures == ("a",) for row in rows)


def test_zeros_are_those_of_the_weights(tmp_path):
    _, rows = run(tmp_path, {})
    assert {row.layer: row.zeros for row in rows}["first"] == 1 - np.count_nonzero(W) / W.size


def test_calibration_data_is_left_alone_where_nothing_becomes_int8(tmp_path):
    def untouchable():
        raise AssertionError("read")
        yield

    _, rows = run(tmp_path, {}, "int8", untouchable())
    assert not any(row.converted for row in rows)
