"""What is typed is read, and what cannot be read is told."""

import argparse

import pytest

from benchmarks.harness.arguments import (
    block_sparsity,
    comma_separated,
    one_of,
    positive,
    sparsity,
)


def test_lists_are_separated_by_commas():
    assert comma_separated(positive)("1, 8,64") == [1, 8, 64]
    assert comma_separated(one_of(["a", "b"]))("b,a") == ["b", "a"]


@pytest.mark.parametrize(
    ("read", "text", "message"),
    [
        (positive, "0", "should be a positive integer. Received: '0'"),
        (comma_separated(positive), " ,", "should name something"),
        (one_of(["a", "b"]), "c", "should be one of a, b. Received: 'c'"),
        (sparsity, "4x1", "should be 'dense' or 'AxB@SHARE'"),
        (block_sparsity, "2:4", "should be 'dense' or 'AxB@SHARE' here"),
    ],
)
def test_what_cannot_be_read_is_told(read, text, message):
    with pytest.raises(argparse.ArgumentTypeError, match=message):
        read(text)
