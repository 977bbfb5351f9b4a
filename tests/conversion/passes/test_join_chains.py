"""A layer that alone is no faster runs in the chain of its neighbours, where there is one."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

import tfsparse
from tfsparse.conversion import planning, precision_choice

from ..helpers import FLOAT_CHAIN, INT8_CHAIN, blocky, nodes, normal, save, spec

SIZES = (13, 512, 256, 1)
KEEP = (1.0, 0.1, 1.0)
KERNELS = [
    blocky(out, in_, (4, 4), keep, seed).T / np.float32(np.sqrt(keep * in_))
    for seed, (in_, out, keep) in enumerate(zip(SIZES[:-1], SIZES[1:], KEEP, strict=True))
]
ROWS = 256


def converted_from(path, function, precision, **options):
    kept = [tf.Variable(value, name=f"{place}/kernel") for place, value in enumerate(KERNELS)]
    save(path, lambda x: function(x, kept), {"x": spec(None, SIZES[0])}, kept)
    data = normal((64, SIZES[0])) if precision in ("int8", "auto") else None
    return tfsparse.convert(path, precision, data, batch_size=2048, **options)


def perceptron(x, kernels):
    for kernel in kernels[:-1]:
        x = tf.nn.relu(tf.matmul(x, kernel))
    return {"y": tf.nn.sigmoid(tf.matmul(x, kernels[-1]))}


@pytest.mark.parametrize(("precision", "chain"), [("fp32", FLOAT_CHAIN), ("int8", INT8_CHAIN)])
def test_narrow_layers_join(tmp_path, precision, chain):
    converted = converted_from(tmp_path, perceptron, precision)
    assert len(nodes(converted.graph_def(), chain)) == 1
    assert not nodes(converted.graph_def(), "MatMul")
    assert converted.report["2"].reason == "runs in one op with its neighbours"
    x = normal((ROWS, SIZES[0]), 9)
    expected = perceptron(tf.constant(x), KERNELS)["y"]
    np.testing.assert_allclose(
        converted(x=x)["y"], expected, atol=1e-5 if precision == "fp32" else 0.03
    )


def test_it_stays_where_another_one_reads_what_is_between(tmp_path):
    def function(x, kernels):
        hidden = tf.nn.relu(tf.matmul(tf.nn.relu(tf.matmul(x, kernels[0])), kernels[1]))
        return {"hidden": hidden, "y": tf.matmul(hidden, kernels[2])}

    report = converted_from(tmp_path, function, "fp32").report
    assert report["0"].converted and not report["2"].converted


def test_it_stays_without_a_neighbour(tmp_path):
    def function(x, kernels):
        first = tf.exp(tf.matmul(x, kernels[0]))
        return {"y": tf.matmul(tf.exp(tf.matmul(first, kernels[1])), kernels[2])}

    report = converted_from(tmp_path, function, "fp32").report
    assert [row.converted for row in report] == [False, True, False]
    assert "predicted no faster" in report["2"].reason


def test_a_wide_dense_layer_stays_beside_a_sparse_one(tmp_path):
    wide = [blocky(512, 512, (4, 4), keep, 5).T / np.float32(22) for keep in (0.1, 1.0)]
    kept = [tf.Variable(value, name=f"{place}/kernel") for place, value in enumerate(wide)]

    def function(x):
        return {"y": tf.matmul(tf.nn.relu(tf.matmul(x, kept[0])), kept[1])}

    save(tmp_path, function, {"x": spec(None, 512)}, kept)
    report = tfsparse.convert(tmp_path, batch_size=2048).report
    assert [row.converted for row in report] == [True, False]


def test_a_layer_that_was_measured_stays(tmp_path, monkeypatch):
    def measured(layer, matrix, scale, rows, choice, candidates):
        speedup = 3.0 if layer.weights.shape == (256, 512) else 0.5
        return dataclasses.replace(choice, speedup=speedup)

    monkeypatch.setattr(planning, "measure", measured)
    report = converted_from(tmp_path, perceptron, "fp32", tune=True).report
    assert [row.converted for row in report] == [False, True, False]
    assert "measured no faster" in report["2"].reason


@pytest.mark.parametrize("max_error", [0.5, 0.0])
def test_narrow_layers_join_in_the_precision_that_was_chosen(tmp_path, max_error):
    converted = converted_from(tmp_path, perceptron, "auto", max_error=max_error)
    graph = converted.graph_def()
    assert len(nodes(graph, FLOAT_CHAIN) + nodes(graph, INT8_CHAIN)) == 1
    (precision,) = {row.precision for row in converted.report}
    assert (precision == "fp32") == (max_error == 0)


def test_auto_leaves_a_narrow_layer_that_would_err_too_much(tmp_path, monkeypatch):
    def error(rows, weights, packed, params):
        return 0.5 if weights.shape == (1, 256) else 0.001

    monkeypatch.setattr(precision_choice, "layer_error", error)
    report = converted_from(tmp_path, perceptron, "auto").report
    assert [row.converted for row in report][1:] == [True, False]
