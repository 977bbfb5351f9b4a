import itertools
import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf
import tf_keras

from tfsparse.conversion.calibration_data import CHUNK, DEFAULT_LIMIT, batches, of_signatures

from .helpers import normal, spec

ONE = {"x": spec(None, 3)}
TWO = {"a": spec(None, 3), "b": spec(None, 2)}


class Indexed(keras.utils.PyDataset):
    """Batches by index; without end where `number` is None."""

    def __init__(self, get, number):
        super().__init__()
        self.get, self.number = get, number

    @property
    def num_batches(self):
        return self.number

    def __getitem__(self, index):
        return self.get(index)


class OldIndexed(tf_keras.utils.Sequence):
    def __init__(self, get, number):
        self.get, self.number = get, number

    def __len__(self):
        return self.number

    def __getitem__(self, index):
        return self.get(index)


def joined(data, inputs, **options):
    found = list(batches(data, inputs, **options))
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
        lambda x: (x, np.full((10, 3), 7.0)),
        lambda x: (x, np.full(10, 7.0), np.ones(10)),
        lambda x: ({"x": x}, np.full(10, 7.0)),
        lambda x: ([x], np.full(10, 7.0)),
        lambda x: ((x,), np.full(10, 7.0)),
        lambda x: (x,),
        lambda x: [x],
        lambda x: Indexed(lambda i: (x[5 * i : 5 * i + 5], np.zeros(5)), 2),
        lambda x: Indexed(lambda i: [x[5 * i : 5 * i + 5], np.zeros(5)], 2),
        lambda x: OldIndexed(lambda i: (x[5 * i : 5 * i + 5], np.zeros(5)), 2),
        lambda x: ([part] for part in (x[:4], x[4:])),
        lambda x: (((part,), 0, 1) for part in (x[:4], x[4:])),
    ],
    ids=[
        *("list", "generator", "pairs", "dataset", "dataset-xy", "dataset-dict", "dict"),
        *("xy", "xyw", "dict-y", "list-y", "tuple-y", "x-alone", "list-of-one"),
        *("PyDataset", "PyDataset-list", "Sequence", "generator-list", "generator-tuple"),
    ],
)
def test_other_forms_give_the_same_rows(make):
    x = normal((10, 3))
    np.testing.assert_array_equal(joined(make(x), ONE)["x"], x)


def test_inputs_are_matched_by_name():
    a, b = normal((5, 3)), normal((5, 2))
    found = joined({"b": b, "a": a}, TWO)
    np.testing.assert_array_equal(found["a"], a)
    np.testing.assert_array_equal(found["b"], b)


@pytest.mark.parametrize(
    "make",
    [
        lambda a, b: [a, b],
        lambda a, b: (a, b),
        lambda a, b: ((a, b), np.full((10, 2), 7.0)),
        lambda a, b: ([a, b], np.full((10, 2), 7.0), np.ones(10)),
        lambda a, b: ({"a": a, "b": b}, np.full((10, 2), 7.0)),
        lambda a, b: [((a[:4], b[:4]), 0), ((a[4:], b[4:]), 1)],
        lambda a, b: [[a[:4], b[:4]], [a[4:], b[4:]]],
        lambda a, b: [(a[:4], b[:4]), (a[4:], b[4:])],
        lambda a, b: [{"b": b[:4], "a": a[:4]}, {"b": b[4:], "a": a[4:]}],
        lambda a, b: tf.data.Dataset.from_tensor_slices((a, b)).batch(4),
        lambda a, b: tf.data.Dataset.from_tensor_slices(((a, b), np.arange(10))).batch(4),
        lambda a, b: OldIndexed(lambda i: ([a, b], 0), 1),
    ],
    ids=[
        *("list", "tuple", "tuple-y", "list-yw", "dict-y", "pairs", "lists", "tuples", "dicts"),
        *("dataset", "dataset-y", "Sequence"),
    ],
)
def test_several_inputs_are_taken_in_order(make):
    a, b = normal((10, 3)), normal((10, 2))
    found = joined(make(a, b), TWO)
    np.testing.assert_array_equal(found["a"], a)
    np.testing.assert_array_equal(found["b"], b)


def test_the_order_is_that_of_the_model():
    a, b = normal((5, 3)), normal((5, 2))
    found = joined([b, a], TWO, order=["b", "a"])
    np.testing.assert_array_equal(found["a"], a)
    np.testing.assert_array_equal(found["b"], b)


def test_the_order_may_name_more_than_the_signature_has():
    a = normal((5, 3))
    found = joined(([np.zeros(5), a], np.zeros(5)), ONE | {}, order=["unused", "x"])
    np.testing.assert_array_equal(found["x"], a)


def test_a_fixed_batch_size_covers_every_row():
    x = np.arange(21, dtype=np.float32).reshape(7, 3)
    found = list(batches(x, {"x": spec(4, 3)}))
    assert [batch["x"].shape for batch in found] == [(4, 3), (4, 3)]
    assert set(np.concatenate([b["x"] for b in found]).ravel()) == set(x.ravel())


@pytest.mark.parametrize(
    "source",
    [
        lambda x: tf.data.Dataset.from_tensors(x).repeat(),
        lambda x: itertools.repeat(x),
        lambda x: (x for _ in itertools.count()),
        lambda x: Indexed(lambda _: (x, 0), None),
        lambda x: OldIndexed(lambda _: (x, 0), 10**9),
        lambda x: tf.data.Dataset.range(10**9).map(lambda _: x),
    ],
    ids=["repeated", "itertools", "generator", "PyDataset", "Sequence", "dataset"],
)
@pytest.mark.parametrize("limit", [None, 7])
def test_what_may_have_no_end_is_bounded(source, limit):
    found = batches(source(np.zeros((2, 3), np.float32)), ONE, limit)
    assert found.total == (limit or DEFAULT_LIMIT)
    assert len(list(found)) == found.count == found.total
    assert found.bounded


def test_nothing_is_read_beyond_the_limit():
    def source():
        yield np.zeros((2, 3))
        raise AssertionError

    assert len(list(batches(source(), ONE, limit=1))) == 1


@pytest.mark.parametrize(
    ("data", "total"),
    [
        (np.zeros((300 * CHUNK, 3)), 300),
        ([np.zeros((1, 3))] * 300, 300),
        (tf.data.Dataset.from_tensors(np.zeros((1, 3))).repeat(5), 5),
        ((np.zeros((1, 3)) for _ in range(5)), DEFAULT_LIMIT),
        (OldIndexed(lambda _: (np.zeros((1, 3)), 0), 5), 5),
    ],
    ids=["array", "list", "dataset", "generator", "Sequence"],
)
def test_what_has_an_end_is_read_to_it(data, total):
    found = batches(data, ONE)
    assert found.total == total
    assert len(list(found)) == found.count == (5 if total == DEFAULT_LIMIT else total)
    assert not found.bounded


@pytest.mark.parametrize(("limit", "bounded"), [(1, True), (2, False), (3, False)])
def test_a_limit_holds_for_arrays_too(limit, bounded):
    found = batches(np.zeros((CHUNK + 1, 3)), ONE, limit)
    assert len(list(found)) == min(limit, 2)
    assert found.bounded == bounded


def test_batches_are_cut_to_a_fixed_size():
    x = normal((7, 3))
    found = list(batches([x, x[:2]], {"x": spec(4, 3)}))
    assert [batch["x"].shape for batch in found] == [(4, 3)] * 3
    np.testing.assert_array_equal(found[2]["x"], x[[0, 1, 0, 1]])


def test_an_input_without_a_batch_is_given_whole():
    inputs = {"x": spec(None, 3), "temperature": spec()}
    found = list(batches({"x": np.zeros((CHUNK + 1, 3)), "temperature": 2.0}, inputs))
    assert [(batch["x"].shape, batch["temperature"].item()) for batch in found] == [
        ((CHUNK, 3), 2.0),
        ((1, 3), 2.0),
    ]


@pytest.mark.parametrize("scale", [1e-42, 1e31])
@pytest.mark.parametrize("sign", [-1, 1])
def test_warns_of_values_that_no_range_fits(scale, sign):
    x = np.zeros((4, 2), np.float32)
    x[1, 1] = sign * scale
    with pytest.warns(UserWarning, match=r"input 'b' values from .*scaled as") as caught:
        list(batches([[np.ones((2, 3)), x[:2]], [np.ones((2, 3)), x[2:]]], TWO))
    assert len(caught) == 1
    assert f"{np.float32(sign * scale):g}" in str(caught[0].message)


def test_does_not_warn_of_tiny_values_among_others():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        list(batches([np.full((2, 3), 1e-42), np.ones((2, 3))], ONE))
        list(batches(np.zeros((2, 3)), ONE))


def test_integers_are_cast_to_the_input():
    (batch,) = batches(np.ones((2, 3), np.uint8), ONE)
    assert batch["x"].dtype == np.float32


@pytest.mark.parametrize(
    ("data", "inputs", "message"),
    [
        (None, ONE, "`calibration_data` should be given"),
        (3, ONE, "Received: int"),
        ("train", ONE, "Received: str"),
        ([[1.0, 2.0, 3.0]], ONE, "a batch of type list"),
        ((np.zeros((2, 3)),) * 4, ONE, "a tuple of 4 for a model of 1 inputs"),
        ((), ONE, "a tuple of 0"),
        ([np.zeros((2, 3))] * 3, TWO, "should name its arrays"),
        ((np.zeros((2, 3)), np.zeros(2), np.zeros(2)), TWO, "should name its arrays"),
        ([([np.zeros((2, 3))] * 3, 0)], TWO, r"the 2 inputs \['a', 'b'\]. Received: 3 arrays"),
        (([np.zeros((2, 3))] * 2, 0), ONE, r"the 1 inputs \['x'\]. Received: 2 arrays"),
        ({"x": "train"}, ONE, "for input 'x' should be an array. Received: str"),
        (tf.ragged.constant([[1.0], [2.0, 3.0]]), ONE, "Received: RaggedTensor"),
        ([tf.ragged.constant([[1.0], [2.0, 3.0]])], ONE, "a batch of type RaggedTensor"),
        ([np.zeros(3)], ONE, r"Received: \(3,\), one example without a batch"),
        (tf.data.Dataset.from_tensors(np.zeros(3)), ONE, "one example without a batch"),
        (np.zeros((2, 3)), TWO, "should name its arrays"),
        ({"a": np.zeros((2, 3))}, TWO, r"without \['b'\]"),
        ({"a": np.zeros((2, 3)), "b": np.zeros((3, 2))}, TWO, "of one length"),
        (np.zeros((2, 4)), ONE, r"shape \(None, 3\). Received: \(2, 4\)"),
        (np.zeros((2, 3), complex), ONE, "type float32. Received: complex128"),
        (np.array([["a", "b", "c"]]), ONE, "type float32"),
        (np.zeros((2, 3)), {"x": spec(None, 3, dtype=tf.int32)}, "type int32. Received: float64"),
        (np.array([[0, 1, np.nan]]), ONE, "NaN or Inf in input 'x'"),
        (np.array([[0, 1, np.inf]]), ONE, "NaN or Inf in input 'x'"),
        ([np.zeros((2, 3)), np.array([[0, 1, np.nan]])], ONE, "NaN or Inf in input 'x'"),
        (np.array([[0, 1, 1e300]]), ONE, "NaN or Inf in input 'x', read as float32"),
        (np.full((1, 3), np.nan), {"x": spec(None, 3, dtype=tf.bfloat16)}, "NaN or Inf"),
        (np.zeros((2, 3)), {"x": spec(None, 3, dtype=tf.string)}, "type string. Received: float"),
        (np.zeros((0, 3)), ONE, "at least one example"),
        ([], ONE, "at least one example"),
        (iter([]), ONE, "at least one example"),
        ([np.zeros((0, 3))], ONE, "at least one example"),
        (tf.data.Dataset.from_tensors(np.zeros((2, 3))).take(0), ONE, "at least one example"),
    ],
)
def test_says_what_is_wrong(data, inputs, message):
    with pytest.raises(ValueError, match=message):
        list(batches(data, inputs))


def test_arrays_are_checked_before_anything_runs():
    x = np.zeros((3 * CHUNK, 3))
    x[-1, -1] = np.nan
    with pytest.raises(ValueError, match="NaN or Inf"):
        batches(x, ONE)


def test_a_dict_of_signatures_is_taken_apart():
    data = {"score": "s", "encode": "e"}
    assert of_signatures(data, ("encode",), ["x"]) == "e"
    assert of_signatures(data, ("other",), ["x"]) is data


def test_a_dict_of_inputs_is_not_taken_for_signatures():
    data = {"x": 1}
    assert of_signatures(data, ("x",), ["x"]) is data
