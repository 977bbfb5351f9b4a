import numpy as np
import pytest
import tensorflow as tf

from tfsparse.conversion.passes.match import find_dense_layers
from tfsparse.conversion.passes.quantize import calibrate
from tfsparse.conversion.quantization import activation_params

from ..helpers import normal, read, spec

W = normal((3, 4))


@pytest.fixture(scope="module")
def example(tmp_path_factory):
    def function(x):
        return {"y": tf.matmul(tf.math.log(tf.square(x) * 2.0), W, name="dense_1")}

    return read(tmp_path_factory.mktemp("model"), function, {"x": spec(None, 3)})


def run(example, batches, method="minmax"):
    layers, _ = find_dense_layers(example.view)
    return layers[0], calibrate(example.graph, {"x": spec(None, 3)}, layers, batches, method)


@pytest.mark.parametrize("order", [1, -1])
def test_ranges_span_all_batches(example, order):
    x = np.sort(normal((30, 3)) ** 2, axis=0)[::order].copy()
    layer, found = run(example, [{"x": x[start : start + 10]} for start in (0, 10, 20)])
    seen = np.log(np.square(x) * 2)
    expected = activation_params(seen.min(), seen.max())
    params = found.params[example.graph, layer.x]
    assert params.scale == pytest.approx(expected.scale, rel=1e-5)
    assert params.zero_point == expected.zero_point
    result = activation_params((seen @ W).min(), (seen @ W).max())
    params = found.params[example.graph, f"{layer.result}:0"]
    assert params.scale == pytest.approx(result.scale, rel=1e-5)
    assert found.batches == 3


def test_rows_of_activations_are_kept_to_measure_errors(example):
    x = normal((2000, 3)) ** 2 + 0.1
    layer, found = run(example, [{"x": x[:1000]}, {"x": x[1000:]}])
    rows = found.samples[id(layer)]
    assert rows.shape[1:] == (1, 3) and 100 <= len(rows) <= 256
    seen = np.log(np.square(x) * 2)
    assert all(np.isclose(seen, row, rtol=1e-5).all(axis=1).any() for row in rows[::20])


def test_empty_batches_say_nothing(example):
    batches = [{"x": np.zeros((0, 3), np.float32)}, {"x": np.full((1, 3), 2, np.float32)}]
    layer, found = run(example, batches)
    expected = activation_params(0, np.log(8.0))
    assert found.params[example.graph, layer.x].scale == pytest.approx(expected.scale, rel=1e-5)


@pytest.mark.parametrize("batches", [[], [{"x": np.zeros((0, 3), np.float32)}]])
def test_needs_an_example(example, batches):
    with pytest.raises(ValueError, match="at least one example"):
        run(example, batches)


def test_names_the_layer_that_is_not_finite(example):
    with pytest.raises(ValueError, match="NaN or Inf at layer 'dense_1'"):
        run(example, [{"x": np.zeros((2, 3), np.float32)}])


def test_a_batch_that_does_not_run_is_reported_as_such(example):
    with pytest.raises(ValueError, match=r"should run through the model.*\(2, 4\)"):
        run(example, [{"x": np.ones((2, 4), np.float32)}])
