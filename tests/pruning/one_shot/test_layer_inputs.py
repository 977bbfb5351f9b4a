import numpy as np
import pytest

from tfsparse.pruning.one_shot import layer_inputs
from tfsparse.pruning.one_shot.layer_inputs import reader_of
from tfsparse.pruning.prunable import find_kernels

pytestmark = pytest.mark.one_keras

LAYERS = {
    "Dense": (("Dense", 5), {}, (3, 7)),
    "Conv1D": (("Conv1D", 6, 3), {"strides": 2, "padding": "same"}, (9, 4)),
    "Conv1D causal": (("Conv1D", 6, 3), {"dilation_rate": 2, "padding": "causal"}, (9, 4)),
    "Conv2D": (("Conv2D", 6, 3), {}, (7, 6, 4)),
    "Conv2D same": (("Conv2D", 6, (3, 2)), {"strides": (2, 1), "padding": "same"}, (7, 6, 4)),
    "Conv2D even": (("Conv2D", 6, 4), {"strides": 3, "padding": "same"}, (8, 8, 2)),
    "Conv2D dilated": (("Conv2D", 6, 3), {"dilation_rate": 2, "padding": "same"}, (8, 7, 2)),
    "Conv2D in groups": (("Conv2D", 6, 3), {"groups": 2, "padding": "same"}, (5, 5, 4)),
    "Conv3D": (("Conv3D", 4, 2), {"strides": 2, "padding": "same"}, (5, 4, 3, 2)),
    "SeparableConv1D": (("SeparableConv1D", 6, 3), {"padding": "same"}, (7, 3)),
    "SeparableConv2D": (
        ("SeparableConv2D", 6, 3),
        {"depth_multiplier": 2, "strides": 2},
        (7, 7, 3),
    ),
    "heads": (("EinsumDense", "abc,cde->abde", (None, 2, 3)), {"bias_axes": "de"}, (4, 5)),
    "heads merged": (("EinsumDense", "abde,edc->abc", (None, 6)), {"bias_axes": "c"}, (4, 2, 3)),
    "experts": (("EinsumDense", "bhi,hio->bho", (3, 6)), {"bias_axes": "ho"}, (3, 4)),
    "summed": (("EinsumDense", "abc,cd->ad", (6,)), {"bias_axes": "d"}, (4, 5)),
    "ellipsis": (("EinsumDense", "...x,xy->...y", (6,)), {"bias_axes": "y"}, (2, 3, 4)),
}


def rows_and_outputs(keras, layer, x):
    """Rows, and what the layer gives for them, ``(groups, n, out)``."""
    y = np.asarray(layer(x))
    (kernel,) = find_kernels(layer)
    rows = np.concatenate(list(reader_of(kernel)(x)), axis=1)
    if type(layer).__name__ == "EinsumDense" and kernel.view.groups > 1:
        return kernel, rows, np.moveaxis(y, 1, 0)
    if getattr(layer, "data_format", "") == "channels_first":
        y = np.moveaxis(y, 1, -1)
    groups = kernel.view.groups
    split = y.reshape(-1, groups, kernel.view.matrix_shape[0])
    return kernel, rows, split.transpose(1, 0, 2)


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize("piece", [1, 1 << 23])
def test_a_layer_multiplies_the_rows_by_its_matrices(keras, name, piece, monkeypatch):
    monkeypatch.setattr(layer_inputs, "PIECE", piece)
    (kind, *arguments), options, shape = LAYERS[name]
    layer = getattr(keras.layers, kind)(*arguments, **options)
    x = np.random.default_rng(0).standard_normal((3, *shape)).astype("float32")
    kernel, rows, outputs = rows_and_outputs(keras, layer, x)
    matrices = kernel.view.to_matrices(kernel.variable.numpy())
    assert rows.dtype == np.float32
    np.testing.assert_allclose(rows @ matrices.swapaxes(1, 2), outputs, atol=2e-5)


def test_pieces_are_no_larger_than_they_may_be(keras, monkeypatch):
    monkeypatch.setattr(layer_inputs, "PIECE", 400)
    layer = keras.layers.Conv2D(2, 3, padding="same")
    x = np.ones((2, 8, 4, 2), "float32")
    layer(x)
    pieces = list(reader_of(find_kernels(layer)[0])(x))
    assert max(piece.size for piece in pieces) <= 400
    assert sum(piece.shape[1] for piece in pieces) == 2 * 8 * 4


def test_readers_that_read_alike_are_equal(keras):
    x = np.ones((2, 4, 4, 3), "float32")
    layers = [keras.layers.Conv2D(n, 3, strides=s) for n, s in ((2, 1), (5, 1), (2, 2))]
    for layer in layers:
        layer(x)
    one, other, third = (reader_of(find_kernels(layer)[0]) for layer in layers)
    assert one == other and hash(one) == hash(other) and one != third


def test_channels_may_come_first(keras):
    layer = keras.layers.Conv2D(5, 3, strides=2, padding="same", data_format="channels_first")
    layer.build((None, 4, 7, 6))
    (kernel,) = find_kernels(layer)
    x = np.random.default_rng(0).standard_normal((2, 7, 6, 4)).astype("float32")
    last = keras.layers.Conv2D(5, 3, strides=2, padding="same")
    last(x)
    expected = list(reader_of(find_kernels(last)[0])(x))
    for found, wanted in zip(reader_of(kernel)(np.moveaxis(x, -1, 1)), expected, strict=True):
        np.testing.assert_array_equal(found, wanted)


def test_a_registered_kernel_has_no_reader(keras):
    from ..custom_layers import custom_layers

    layer = custom_layers(keras).Experts()
    layer(np.ones((2, 6), "float32"))
    own = [kernel for kernel in find_kernels(layer) if kernel.owner is layer]
    assert own and {reader_of(kernel) for kernel in own} == {None}
