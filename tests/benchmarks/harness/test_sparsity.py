"""Patterns are read and written."""

import pytest

from benchmarks.harness.sparsity import Sparsity


@pytest.mark.parametrize(
    ("text", "pattern", "share", "is_block"),
    [
        ("dense", "dense", 0.0, False),
        ("4x1@0.9", "4x1", 0.9, True),
        ("2:4", "2:4", 0.5, False),
        ("1:4", "1:4", 0.75, False),
    ],
)
def test_patterns_are_read_and_written(text, pattern, share, is_block):
    read = Sparsity.parse(text)
    assert (read.pattern, read.share, read.is_block) == (pattern, share, is_block)
    assert str(read) == text


@pytest.mark.parametrize("text", ["4x1", "4by1@0.9", "4x1@1", "4x1@0", "4x1@nan", "2:4@0.5", ""])
def test_other_texts_are_refused(text):
    with pytest.raises(ValueError, match="should be 'dense' or 'AxB@SHARE'"):
        Sparsity.parse(text)
