"""Only a mask that is the lower triangle of queries and keys is left to the op."""

import numpy as np
import pytest
import tensorflow as tf

from .test_attention import S, T, by_matmul, check, inputs


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
