"""Frappe's log of apps in use: ten categories a row, and whether the app was used.

What. The libfm form has a line a row: -1 or 1, and ``feature:1`` for each of ten fields (user, app,
hour, day, weekend, home or work, cost, weather, country, city). The features of all fields are
numbered in one row, so that each field has a range of its own; a table begins at the lowest number
that either file has there. There are no numbers beside them: the 13 that a DLRM has are zero.

Baltrunas et al., "Frappe: Understanding the Usage and Perception of Mobile App Recommendations
In-The-Wild", arXiv 1505.03014.
"""

from __future__ import annotations

import gzip
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from .clicks import Clicks

FIELDS = 10
NUMBERS = 13


def read(train: Path, test: Path) -> tuple[Clicks, Clicks]:
    """Reads the rows to train on and those to test on, packed by gzip.

    Args:
        train: A libfm file.
        test: Another one, of the same fields.

    Raises:
        ValueError: If a line is not a label and ten features.
    """
    parts = [_lines(path) for path in (train, test)]
    first = np.min([features.min(axis=0) for _, features in parts], axis=0)
    one, other = (_clicks(labels, features - first) for labels, features in parts)
    return one, other


def _lines(path: Path) -> tuple[np.ndarray, np.ndarray]:
    labels, features = [], []
    with gzip.open(path, "rt") as file:
        for number, line in enumerate(file):
            label, *pairs = line.split() or [""]
            if label not in ("-1", "1") or len(pairs) != FIELDS:
                raise ValueError(
                    f"{path.name} should have -1 or 1 and {FIELDS} features a line. "
                    f"Received: {line.strip()!r} in line {number + 1}"
                )
            labels.append(label == "1")
            features.append([int(pair.partition(":")[0]) for pair in pairs])
    return np.asarray(labels), np.asarray(features)


def _clicks(labels: Sequence[bool] | np.ndarray, ids: np.ndarray) -> Clicks:
    dense = np.zeros((len(ids), NUMBERS), np.float32)
    return Clicks(dense, ids.astype(np.int32), np.asarray(labels, np.float32))
