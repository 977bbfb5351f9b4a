import numpy as np
import pytest
import tensorflow as tf

from tfsparse.conversion.input_arrays import checked, cut

from .helpers import spec


@pytest.mark.parametrize(
    ("given", "wanted", "got"),
    [
        ((5,), (None, 1), (5, 1)),
        ((5, 3), (None, 3, 1), (5, 3, 1)),
        ((5, 1), (None,), (5,)),
        ((5, 3, 1), (None, 3), (5, 3)),
        ((5, 3), (None, None), (5, 3)),
        ((7, 3), (5, 3), (7, 3)),
    ],
)
def test_a_last_axis_of_one_comes_and_goes_as_in_keras(given, wanted, got):
    assert checked("x", np.zeros(given), spec(*wanted)).shape == got


def test_any_shape_fits_an_unknown_one():
    assert checked("x", np.zeros((2, 3)), tf.TensorSpec(None)).shape == (2, 3)


@pytest.mark.parametrize(("given", "wanted"), [((5, 4), (None, 3)), ((5, 3), (None, 3, 2))])
def test_another_shape_is_refused(given, wanted):
    with pytest.raises(ValueError, match="for input 'x' should have the shape") as caught:
        checked("x", np.zeros(given), spec(*wanted))
    assert "without a batch" not in str(caught.value)


@pytest.mark.parametrize(
    ("given", "wanted", "fits"),
    [
        (np.float64, tf.float32, True),
        (np.float32, tf.bfloat16, True),
        (np.float32, tf.float16, True),
        (np.uint8, tf.bfloat16, True),
        (bool, tf.float32, True),
        (np.int64, tf.int32, True),
        (np.float32, tf.int32, False),
        (complex, tf.float32, False),
        (complex, tf.bfloat16, False),
        (np.str_, tf.float32, False),
        (np.str_, tf.bfloat16, False),
        (np.str_, tf.string, True),
        (object, tf.string, True),
        (np.int32, tf.string, False),
    ],
)
def test_types(given, wanted, fits):
    array = np.zeros((2, 3)).astype(given)
    if fits:
        assert checked("x", array, spec(None, 3, dtype=wanted)) is array
    else:
        with pytest.raises(ValueError, match=f"of type {wanted.name}"):
            checked("x", array, spec(None, 3, dtype=wanted))


def test_without_a_size_nothing_is_cut():
    arrays = {"a": np.zeros((200, 3)), "b": np.zeros((1, 2))}
    inputs = {"a": spec(None, 3), "b": spec(None, 2)}
    assert list(cut(arrays, inputs)) == [arrays]


def test_a_size_cuts_with_a_rest():
    (a, b, c) = cut({"a": np.arange(5)}, {"a": spec(None)}, 2)
    assert [list(each["a"]) for each in (a, b, c)] == [[0, 1], [2, 3], [4]]


def test_an_input_of_unknown_rank_is_cut_along():
    arrays = {"a": np.arange(3), "b": np.arange(3) + 10}
    found = list(cut(arrays, {"a": spec(None), "b": tf.TensorSpec(None)}, 2))
    assert [list(each["b"]) for each in found] == [[10, 11], [12]]
