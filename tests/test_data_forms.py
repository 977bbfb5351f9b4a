import collections
import itertools

import numpy as np
import pytest
import tensorflow as tf

from tfsparse.data_forms import inputs_of, is_array, replayable, source_of

A, B, Y = np.zeros((4, 3)), np.ones((4, 2)), np.zeros(4)


class Frame:
    """An array of another library, such as a pandas.DataFrame."""

    shape = (4, 3)

    def __array__(self, *_, **__):
        return A


@pytest.mark.parametrize(
    ("value", "array"),
    [
        (A, True),
        (np.float32(1), True),
        (tf.constant(A), True),
        (tf.Variable(A), True),
        (Frame(), True),
        ([1.0], False),
        (1.0, False),
        (tf.ragged.constant([[1], [2, 3]]), False),
        (tf.sparse.from_dense(A), False),
        (tf.data.Dataset.range(3), False),
    ],
    ids=lambda value: type(value).__name__,
)
def test_arrays(value, array):
    assert is_array(value) == array


@pytest.mark.parametrize(
    ("data", "inputs", "whole"),
    [
        (A, 1, True),
        ({"x": A}, 1, True),
        ((A, Y), 1, True),
        (((A, B), Y), 2, True),
        ((A, B), 2, True),
        ([A, B], 2, True),
        ([A], 1, True),
        ([A, A], 1, False),
        ([A, B, A], 2, False),
        ([(A, Y), (A, Y)], 1, False),
        ([(A, B), (A, B)], 2, False),
        ([{"x": A}], 1, False),
    ],
)
def test_whole_data_are_told_from_lists_of_batches(data, inputs, whole):
    source = source_of(data, inputs)
    assert source.whole == whole
    assert not source.streamed
    assert source.total == (1 if whole else len(data))


@pytest.mark.parametrize(
    ("element", "inputs", "meant"),
    [
        (A, 1, A),
        ((A,), 1, A),
        ((A, B), 1, A),
        ((A, B), 2, [A, B]),
        ((A, B, Y), 3, [A, B, Y]),
        ((A, B, Y), 1, A),
        (((A, B), Y), 2, [A, B]),
        (([A, B], Y, Y), 2, [A, B]),
        (((A, B, Y), Y), 3, [A, B, Y]),
        ([A, B], 2, [A, B]),
        ([A, B], 1, [A, B]),
        ((A, A, A, A), 4, [A, A, A, A]),
    ],
)
def test_a_tuple_is_x_and_y_unless_it_cannot_be(element, inputs, meant):
    found = inputs_of(element, inputs)
    if isinstance(meant, list):
        assert [id(each) for each in found] == [id(each) for each in meant]
    else:
        assert found is meant


def test_a_dict_may_come_with_labels():
    named = {"x": A}
    assert inputs_of((named, Y), 1) is named


def test_a_deque_is_read_by_index():
    source = source_of(collections.deque([A, A]), 1)
    assert (source.total, len(list(source.elements))) == (2, 2)


def test_an_indexed_source_that_does_not_know_its_length_has_no_end():
    class Endless:
        @property
        def num_batches(self):
            raise NotImplementedError

        def __getitem__(self, index):
            return [A, index]

    source = source_of(Endless(), 1)
    assert source.total is None
    assert [batch[1] for batch in itertools.islice(source.elements, 3)] == [0, 1, 2]
    assert isinstance(next(source.elements), tuple)


def test_a_list_of_a_pytorch_loader_is_a_tuple():
    class DataLoader:
        def __iter__(self):
            return iter([[A, Y]])

    DataLoader.__module__ = "torch.utils.data.dataloader"
    (batch,) = source_of(DataLoader(), 1).elements
    assert isinstance(batch, tuple)


@pytest.mark.parametrize("data", ["train", b"train", 3, object(), None])
def test_other_things_are_refused(data):
    with pytest.raises(ValueError, match="`calibration_data` should be"):
        source_of(data, 1)


def test_a_generator_can_be_read_again_and_only_as_far_as_asked():
    read = []
    data = replayable(read.append(i) or i for i in range(5))
    assert list(itertools.islice(data, 2)) == [0, 1]
    assert read == [0, 1]
    assert list(data) == list(data) == [0, 1, 2, 3, 4]
    assert read == [0, 1, 2, 3, 4]


def test_what_can_be_read_again_stays_as_it_is():
    assert replayable(A) is A
