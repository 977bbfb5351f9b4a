"""A case is written whole: what is read back is what was drawn."""

import numpy as np
import pytest

from benchmarks.peers import case as cases
from benchmarks.peers import quantized_net
from benchmarks.peers.case import CHECKED_ROWS, Case, checked_rows
from benchmarks.peers.nets import Net, Sparsity, activations, random_inputs, random_layers

NET = Net("small", (24, 32, 16, 8), (1, 6))
SPARSITY = Sparsity("4x1", 0.75)


@pytest.fixture(scope="module")
def case(tmp_path_factory):
    folder = tmp_path_factory.mktemp("case")
    return cases.build(NET, SPARSITY, NET.batches, ["fp32", "int8"], 0, folder)


def test_the_quantized_layers_are_those_of_the_network(case):
    layers = random_layers(NET, SPARSITY, 0)
    read = quantized_net.load(case.folder / "int8.npz")
    assert len(read) == len(layers)
    for layer, quantized in zip(layers, read, strict=True):
        assert quantized.kernel.dtype == np.int8 and quantized.input_zero_point == 0
        restored = quantized.kernel * quantized.kernel_scale
        assert (abs(restored - layer.kernel) <= quantized.kernel_scale / 2 * 1.0001).all()
        assert (quantized.kernel[layer.kernel == 0] == 0).all()
        assert (quantized.bias == layer.bias).all()


def test_inputs_and_expected_results_belong_together(case):
    layers = random_layers(NET, SPARSITY, 0)
    for batch in NET.batches:
        x = np.load(case.folder / f"x{batch}.npy")
        assert (x == random_inputs(NET, batch, 0)).all()
        assert (case.expected[batch] == activations(layers, x)[-1]).all()
    assert case.spread > 0 and set(case.converted) == {"fp32", "int8"}


@pytest.mark.parametrize("folder", ["dense", "fp32", "int8"])
def test_the_saved_models_compute_the_network(case, folder):
    import tensorflow as tf

    signature = tf.saved_model.load(str(case.folder / folder)).signatures["serving_default"]
    y = signature(x=np.load(case.folder / "x6.npy"))["y"].numpy()
    assert np.sqrt(np.mean((y - case.expected[6]) ** 2)) / case.spread < 0.03


def test_the_elements_of_the_signature_are_written_down(case):
    (x, y) = (case.folder / "int8" / "elements.txt").read_text().split()
    assert x == "serving_default_x:0" and y.endswith(":0")


def test_errors_are_in_standard_deviations(tmp_path):
    right = np.arange(8.0).reshape(4, 2)
    case = Case(Net("small", (3, 2), (4,)), SPARSITY, tmp_path, {4: right}, 2.0, {})
    assert case.error_of({"y": right}, 4) == 0
    assert case.error_of({"y": right.ravel() + 1}, 4) == 0.5
    assert case.error_of({"y": right[:3]}, 4) == float("inf")


def test_checked_rows_reach_from_the_first_to_the_last():
    assert checked_rows(1).tolist() == [0] and checked_rows(5).tolist() == [0, 1, 2, 3, 4]
    rows = checked_rows(3072)
    assert len(rows) == CHECKED_ROWS and (rows[0], rows[-1]) == (0, 3071)
