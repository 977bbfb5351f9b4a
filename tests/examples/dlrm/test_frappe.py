"""Frappe's libfm form, small files written here and the real ones where they are."""

import gzip
import os
from pathlib import Path

import numpy as np
import pytest
from dlrm.__main__ import DATA
from dlrm.frappe import read
from dlrm.sources import read_frappe


def written(path, lines):
    with gzip.open(path, "wt") as file:
        file.writelines(line + "\n" for line in lines)
    return path


def line(label, features):
    return " ".join([str(label), *(f"{feature}:1" for feature in features)])


def test_fields_begin_at_their_lowest_number_in_either_file(tmp_path):
    train = written(
        tmp_path / "train.gz", [line(1, range(0, 100, 10)), line(-1, range(3, 103, 10))]
    )
    test = written(tmp_path / "test.gz", [line(-1, [2, 9, *range(20, 100, 10)])])
    one, other = read(train, test)
    assert one.ids.tolist() == [[0, 1, *[0] * 8], [3, 4, *[3] * 8]]
    assert other.ids.tolist() == [[2, 0, *[0] * 8]]
    assert one.labels.tolist() == [1, 0] and other.labels.tolist() == [0]
    assert one.dense.shape == (2, 13) and not one.dense.any()
    assert (one.ids.dtype, one.dense.dtype, one.labels.dtype) == (np.int32, np.float32, np.float32)


@pytest.mark.parametrize("bad", [line(0, range(10)), line(1, range(9)), ""])
def test_other_lines_are_refused(tmp_path, bad):
    good = written(tmp_path / "good.gz", [line(1, range(10))])
    with pytest.raises(ValueError, match=r"bad\.gz should have .* in line 2"):
        read(good, written(tmp_path / "bad.gz", [line(1, range(10)), bad]))


def test_the_real_files():
    root = Path(os.environ.get("TFSPARSE_DATA", DATA))
    if not (root / "frappe").is_dir():
        pytest.skip(f"no Frappe in {root}")
    source = read_frappe(root)
    assert len(source.train.labels) == 57_722 and len(source.test.labels) == 28_860
    assert len(source.table_sizes) == 10 and min(source.table_sizes) >= 2
    assert (source.test.ids >= 0).all() and (source.test.ids < source.table_sizes).all()
    assert 0.2 < source.train.labels.mean() < 0.5
