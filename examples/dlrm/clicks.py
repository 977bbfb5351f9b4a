"""Views and clicks, which is what a DLRM learns from."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class Clicks(NamedTuple):
    """Views and whether they were clicked.

    Attributes:
        dense: float32, ``(views, 13)``.
        ids: int32, ``(views, tables)``.
        labels: float32, ``(views,)``, 0 or 1.
    """

    dense: np.ndarray
    ids: np.ndarray
    labels: np.ndarray

    @property
    def inputs(self) -> dict[str, np.ndarray]:
        """What `architecture.build` takes."""
        return {"dense": self.dense, "ids": self.ids}

    def taken(self, places: np.ndarray | slice) -> Clicks:
        """Some of the views."""
        return Clicks(self.dense[places], self.ids[places], self.labels[places])


def table_sizes_of(*parts: Clicks) -> list[int]:
    """Rows that tables need for all ids of some views."""
    return [int(size) for size in np.max([part.ids.max(axis=0) for part in parts], axis=0) + 1]
