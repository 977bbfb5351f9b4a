import numpy as np
import pytest
import tensorflow as tf

from tfsparse.conversion.calibration import calibrate

from .helpers import frozen, normal, spec


@pytest.fixture(scope="module")
def graph(tmp_path_factory):
    def squares(x):
        return {"y": tf.math.log(tf.square(x) * 2.0)}

    return frozen(tmp_path_factory.mktemp("model"), squares, {"x": spec(None, 3)})


def tensor(graph, op):
    return next(f"{node.name}:0" for node in graph.graph_def.node if node.op == op)


@pytest.mark.parametrize("order", [1, -1])
def test_ranges_span_all_batches(graph, order):
    squared = tensor(graph, "Square")
    x = np.sort(normal((30, 3)) ** 2, axis=0)[::order].copy()
    batches = [{"x": x[start : start + 10]} for start in (0, 10, 20)]
    found = calibrate(graph, {squared: "layer"}, batches)[squared]
    assert found.minimum == pytest.approx((x**2).min())
    assert found.maximum == pytest.approx((x**2).max())


def test_empty_batches_say_nothing(graph):
    squared = tensor(graph, "Square")
    batches = [{"x": np.zeros((0, 3), np.float32)}, {"x": np.full((1, 3), 2, np.float32)}]
    found = calibrate(graph, {squared: "layer"}, batches)[squared]
    assert (found.minimum, found.maximum) == (4.0, 4.0)


@pytest.mark.parametrize("batches", [[], [{"x": np.zeros((0, 3), np.float32)}]])
def test_needs_an_example(graph, batches):
    with pytest.raises(ValueError, match="at least one example"):
        calibrate(graph, {tensor(graph, "Square"): "layer"}, batches)


def test_names_the_layer_that_is_not_finite(graph):
    with pytest.raises(ValueError, match="NaN or Inf at layer 'dense_1'"):
        calibrate(graph, {tensor(graph, "Log"): "dense_1"}, [{"x": np.zeros((2, 3), np.float32)}])


def test_a_batch_that_does_not_run_is_reported_as_such(graph):
    with pytest.raises(ValueError, match=r"should run through the model.*\(2, 4\)"):
        calibrate(graph, {tensor(graph, "Log"): "a"}, [{"x": np.ones((2, 4), np.float32)}])


def test_no_tensors_need_no_data(graph):
    assert calibrate(graph, {}, iter(())) == {}
