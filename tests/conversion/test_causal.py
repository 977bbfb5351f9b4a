"""Only a mask that is the lower triangle of queries and keys is left to the op."""

import numpy as np
import pytest
import tensorflow as tf

from .test_attention import NONE, S, T, by_matmul, check, inputs


def masked(path, mask, **options):
    """Converts attention under a mask; gives its node."""
    function = lambda q, k, v: by_matmul(q, k, v, lambda s: tf.where(mask(s), s, -1e9))  # noqa: E731
    return check(path, function, inputs(), **options)


def rows(s):
    return tf.range(tf.shape(s)[2])


def columns(s):
    return tf.range(tf.shape(s)[3])


SLICED = {
    "begins later": lambda s: tf.range(tf.shape(s)[2] + 1)[1:, None] >= columns(s)[None],
    "behind a cache": lambda s: columns(s)[S - T :, None] >= columns(s)[None],
    "backwards": lambda s: rows(s)[::-1, None] >= columns(s)[None],
    "backwards columns": lambda s: rows(s)[:, None] >= columns(s)[None, ::-1],
}


@pytest.mark.parametrize("case", SLICED)
def test_ranges_of_which_a_part_is_taken(tmp_path, case):
    assert not masked(tmp_path, SLICED[case]).attr["causal"].b


FIRST_KEY = np.arange(S)[None] == 0
ROWS = {
    "constant": lambda s: FIRST_KEY,
    "band": lambda s: tf.linalg.band_part(tf.ones((1, tf.shape(s)[3]), tf.bool), -1, 0),
    "band of a column": lambda s: tf.linalg.band_part(tf.ones((tf.shape(s)[2], 1), tf.bool), -1, 0),
}


@pytest.mark.parametrize("case", ROWS)
def test_one_row_or_column_that_is_broadcast(tmp_path, case):
    assert not masked(tmp_path, ROWS[case]).attr["causal"].b


def test_one_row_that_is_added(tmp_path):
    added = np.where(FIRST_KEY, np.float32(0), NONE)
    node = check(tmp_path, lambda q, k, v: by_matmul(q, k, v, lambda s: s + added), inputs())
    assert not node.attr["causal"].b
