"""Where views come from, and how long a DLRM is trained on each.

Criteo's are the real thing but few, so that a second pass over them is learned by heart. Frappe's
are real as well, of ten categories. A planted teacher gives as many as are needed to tell what
pruning costs.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import NamedTuple

from . import criteo, frappe, planted
from .clicks import Clicks, table_sizes_of


@dataclasses.dataclass(frozen=True)
class Recipe:
    """How a model is trained, first dense and then on, pruned or not.

    Attributes:
        epochs: Passes over the data before pruning.
        pruning_epochs: Passes while it is pruned.
        batch_size: Views of a step.
        learning_rate: Adam's before pruning.
        pruning_rate: Adam's when pruning begins; from there it falls to zero along a cosine.
    """

    epochs: int = 1
    pruning_epochs: int = 1
    batch_size: int = 256
    learning_rate: float = 1e-3
    pruning_rate: float = 3e-4


class Source(NamedTuple):
    """Data and what fits them.

    Attributes:
        train: Views to train on.
        test: Views to test on.
        table_sizes: Rows of the tables.
        recipe: How to train.
    """

    train: Clicks
    test: Clicks
    table_sizes: list[int]
    recipe: Recipe


def read_criteo(root: Path) -> Source:
    """Criteo's encoded files, in the folder of the data sets."""
    train, test = (
        criteo.read_encoded(root / "criteo" / f"deeplight_tiny_{part}_input.csv.gz")
        for part in ("train", "test")
    )
    return Source(train, test, table_sizes_of(train, test), Recipe())


def read_raw_criteo(root: Path, rows: int) -> Source:
    """Criteo's raw file, of which the last fifth is the test.

    Args:
        root: The folder of the data sets.
        rows: Rows of each table.
    """
    sizes = [rows] * criteo.CATEGORIES
    every = criteo.read_raw(root / "criteo" / "criteo_raw_first10k.tsv.gz", sizes)
    cut = len(every.labels) * 4 // 5
    return Source(every.taken(slice(cut)), every.taken(slice(cut, None)), sizes, Recipe())


def read_frappe(root: Path) -> Source:
    """Frappe's files, in the folder of the data sets."""
    folder = root / "frappe"
    train, test = frappe.read(
        folder / "frappe.validation.libfm.gz", folder / "frappe.test.libfm.gz"
    )
    return Source(train, test, table_sizes_of(train, test), Recipe(epochs=2))


def draw_planted(views: int, seed: int = 0) -> Source:
    """Views of a planted teacher.

    Args:
        views: How many to train on; half as many are the test.
        seed: The teacher's.
    """
    teacher = planted.Teacher(seed)
    return Source(
        teacher.draw(views, planted.TRAIN),
        teacher.draw(views // 2, planted.TEST),
        planted.TABLE_SIZES,
        Recipe(),
    )
