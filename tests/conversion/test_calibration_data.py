import numpy as np
import pytest
import tensorflow as tf

from tfsparse.conversion.calibration_data import CHUNK, batches, of_signatures

from .helpers import normal, spec

ONE = {"x": spec(None, 3)}
TWO = {"a": spec(None, 3), "b": spec(None, 2)}


def joined(data, inputs):
    found = list(batches(data, inputs))
    return {key: np.concatenate([batch[key] for batch in found]) for key in inputs}


@pytest.mark.parametrize("wrap", [np.asarray, tf.constant])
def test_an_array_is_cut_into_batches(wrap):
    x = normal((2 * CHUNK + 5, 3))
    found = list(batches(wrap(x), ONE))
    assert [len(batch["x"]) for batch in found] == [CHUNK, CHUNK, 5]
    np.testing.assert_array_equal(joined(x, ONE)["x"], x)


@pytest.mark.parametrize(
    "make",
    [
        lambda x: [x[:4], x[4:]],
        lambda x: ({"x": part} for part in (x[:4], x[4:])),
        lambda x: [(x[:4], np.zeros(4)), (x[4:], np.zeros(6))],
        lambda x: tf.data.Dataset.from_tensor_slices(x).batch(4),
        lambda x: tf.data.Dataset.from_tensor_slices((x, np.arange(10))).batch(4),
        lambda x: tf.data.Dataset.from_tensor_slices(({"x": x}, np.arange(10))).batch(3),
        lambda x: {"x": x, "not an input": np.zeros(3)},
    ],
    ids=["list", "generator", "pairs", "dataset", "dataset-xy", "dataset-dict", "dict"],
)
def test_other_forms_give_the_same_rows(make):
    x = normal((10, 3))
    np.testing.assert_array_equal(joined(make(x), ONE)["x"], x)


def test_inputs_are_matched_by_name():
    a, b = normal((5, 3)), normal((5, 2))
    found = joined({"b": b, "a": a}, TWO)
    np.testing.assert_array_equal(found["a"], a)
    np.testing.assert_array_equal(found["b"], b)


def test_a_fixed_batch_size_covers_every_row():
    x = np.arange(21, dtype=np.float32).reshape(7, 3)
    found = list(batches(x, {"x": spec(4, 3)}))
    assert [batch["x"].shape for batch in found] == [(4, 3), (4, 3)]
    assert set(np.concatenate([b["x"] for b in found]).ravel()) == set(x.ravel())


def test_integers_are_cast_to_the_input():
    (batch,) = batches(np.ones((2, 3), np.uint8), ONE)
    assert batch["x"].dtype == np.float32


@pytest.mark.parametrize(
    ("data", "inputs", "message"),
    [
        (None, ONE, "should be given for precision='int8'"),
        (3, ONE, "Received: int"),
        ("train", ONE, "Received: str"),
        ([[1.0, 2.0, 3.0]], ONE, "a batch of type list"),
        (np.zeros((2, 3)), TWO, "should name its arrays"),
        ({"a": np.zeros((2, 3))}, TWO, r"without \['b'\]"),
        ({"a": np.zeros((2, 3)), "b": np.zeros((3, 2))}, TWO, "of one length"),
        (np.zeros((2, 4)), ONE, r"shape \(None, 3\). Received: \(2, 4\)"),
        (np.zeros((2, 3), complex), ONE, "type float32. Received: complex128"),
        (np.array([["a", "b", "c"]]), ONE, "type float32"),
        (np.zeros((2, 3)), {"x": spec(None, 3, dtype=tf.int32)}, "type int32. Received: float64"),
        (np.array([[0, 1, np.nan]]), ONE, "NaN or Inf in input 'x'"),
        (np.array([[0, 1, np.inf]]), ONE, "NaN or Inf in input 'x'"),
    ],
)
def test_says_what_is_wrong(data, inputs, message):
    with pytest.raises(ValueError, match=message):
        list(batches(data, inputs))


def test_a_dict_of_signatures_is_taken_apart():
    data = {"score": "s", "encode": "e"}
    assert of_signatures(data, ("encode",), ["x"]) == "e"
    assert of_signatures(data, ("other",), ["x"]) is data


def test_a_dict_of_inputs_is_not_taken_for_signatures():
    data = {"x": 1}
    assert of_signatures(data, ("x",), ["x"]) is data
