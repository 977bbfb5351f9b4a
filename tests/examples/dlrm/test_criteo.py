"""Both forms of Criteo's files, small ones written here."""

import gzip

import numpy as np
import pytest
from dlrm.clicks import table_sizes_of
from dlrm.criteo import CATEGORIES, COUNTS, read_encoded, read_raw


def raw_line(label, counts, hashes):
    return "\t".join([str(label), *counts, *hashes]) + "\n"


def test_raw_lines(tmp_path):
    path = tmp_path / "raw.tsv.gz"
    counts = ["", "-2", "0", "7", *["1"] * (COUNTS - 4)]
    hashes = ["", "0", "9", "a", "ffffffff", *["68fd1e64"] * (CATEGORIES - 5)]
    with gzip.open(path, "wt") as file:
        file.write(raw_line(1, counts, hashes))
        file.write(raw_line(0, ["3"] * COUNTS, ["1"] * CATEGORIES))
    clicks = read_raw(path, [11] * CATEGORIES)
    np.testing.assert_array_equal(clicks.labels, [1, 0])
    np.testing.assert_allclose(clicks.dense[0, :4], np.log1p([0, 0, 0, 7]), rtol=1e-6)
    # Row 0 is for what is missing; others are hashes modulo the ten rows behind it.
    assert clicks.ids[0, :5].tolist() == [0, 1, 10, 1, 1 + 0xFFFFFFFF % 10]
    assert clicks.ids.dtype == np.int32 and clicks.dense.dtype == np.float32
    assert len(read_raw(path, [11] * CATEGORIES, lines=1).labels) == 1


def test_encoded_lines(tmp_path):
    path = tmp_path / "encoded.csv"
    rows = [[0, *range(13), *range(26)], [1, *range(13), *[5] * 26]]
    path.write_text("".join(",".join(map(str, row)) + "\n" for row in rows))
    clicks = read_encoded(path)
    np.testing.assert_allclose(clicks.dense[0], np.log1p(np.arange(13)), rtol=1e-6)
    assert table_sizes_of(clicks) == [6] * 6 + list(range(7, 27))


def test_lines_of_another_width_are_refused(tmp_path):
    path = tmp_path / "raw.tsv"
    path.write_text("0\t1\n")
    with pytest.raises(ValueError, match="should have 40 values a line"):
        read_raw(path, [5] * CATEGORIES)
    with pytest.raises(ValueError, match="`table_sizes`"):
        read_raw(path, [1] * CATEGORIES)
