"""Criteo's clicks as a DLRM takes them, from the two forms that files of them have.

The public raw form has a line a view: the label, 13 counts, 26 categories as hexadecimal hashes,
with tabs between and nothing where a value is missing. The encoded form has numbers from 0 up
instead of counts and hashes, with commas between. Counts become logarithms. Categories become rows
of tables: hashes modulo the size of a table, as MLPerf caps them, where row 0 is kept for missing
ones.
"""

from __future__ import annotations

import csv
import gzip
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO

import numpy as np

from .clicks import Clicks

COUNTS, CATEGORIES = 13, 26


def read_raw(path: Path, table_sizes: Sequence[int], lines: int | None = None) -> Clicks:
    """Reads a file of the public raw form, packed by gzip or not.

    Args:
        path: The file.
        table_sizes: Rows of the tables, at least 2 each.
        lines: Lines to read at most.

    Raises:
        ValueError: If a line has another number of values, or a table fewer than 2 rows.
    """
    sizes = np.asarray(table_sizes, np.int64)
    if len(sizes) != CATEGORIES or sizes.min() < 2:
        raise ValueError(
            f"`table_sizes` should be {CATEGORIES} numbers of at least 2. Received: {table_sizes}"
        )
    labels, counts, hashes = [], [], []
    for row in _rows(path, "\t", 1 + COUNTS + CATEGORIES, lines):
        labels.append(float(row[0]))
        counts.append([float(value or 0) for value in row[1 : 1 + COUNTS]])
        # One more than the hash, so that none is 0 but missing ones.
        hashes.append([int(value, 16) + 1 if value else 0 for value in row[1 + COUNTS :]])
    numbers = np.asarray(hashes, np.int64).reshape(-1, CATEGORIES)
    ids = np.where(numbers == 0, 0, 1 + (numbers - 1) % (sizes - 1))
    return _clicks(counts, ids, labels)


def read_encoded(path: Path, lines: int | None = None) -> Clicks:
    """Reads a file of the encoded form, packed by gzip or not; see `read_raw`."""
    rows = np.asarray(
        [list(map(int, row)) for row in _rows(path, ",", 1 + COUNTS + CATEGORIES, lines)]
    )
    return _clicks(rows[:, 1 : 1 + COUNTS], rows[:, 1 + COUNTS :], rows[:, 0])


def _rows(path: Path, delimiter: str, width: int, lines: int | None) -> Iterator[list[str]]:
    with _opened(path) as file:
        for number, row in enumerate(csv.reader(file, delimiter=delimiter)):
            if number == lines:
                return
            if len(row) != width:
                raise ValueError(
                    f"{path.name} should have {width} values a line. "
                    f"Received: {len(row)} in line {number + 1}"
                )
            yield row


def _opened(path: Path) -> IO[str]:
    if path.suffix == ".gz":
        return gzip.open(path, "rt", newline="")
    return path.open(newline="")


def _clicks(counts: object, ids: np.ndarray, labels: object) -> Clicks:
    dense = np.log1p(np.maximum(np.asarray(counts, np.float32), 0))
    return Clicks(dense.reshape(-1, COUNTS), ids.astype(np.int32), np.asarray(labels, np.float32))
