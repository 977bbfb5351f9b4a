"""AUC with its standard error, and accuracy.

The AUC is the share of pairs of a click and a view without one that are ranked right, ties counting
half. Its standard error is DeLong's (DeLong, DeLong and Clarke-Pearson, Biometrics 1988): for each
click the share of other views below it, and for each of those the share of clicks above it, are
samples whose variances over their numbers add up. Two models are compared on the same views, so the
error of their difference is that of the differences of these shares, which is far smaller.
"""

from __future__ import annotations

import dataclasses

import numpy as np


@dataclasses.dataclass(frozen=True, eq=False)
class Auc:
    """An AUC.

    Attributes:
        value: The AUC.
        of_clicks: For each click, the share of views without one that are ranked below it.
        of_others: For each of these, the share of clicks that are ranked above it.
    """

    value: float
    of_clicks: np.ndarray
    of_others: np.ndarray

    @property
    def standard_error(self) -> float:
        """The standard error of the value."""
        return _error(self.of_clicks, self.of_others)

    def error_of_difference(self, other: Auc) -> float:
        """The standard error of the difference from another model's on the same views."""
        return _error(self.of_clicks - other.of_clicks, self.of_others - other.of_others)


def auc(labels: np.ndarray, scores: np.ndarray) -> Auc:
    """Computes the AUC.

    Args:
        labels: 0 or 1, ``(views,)``, some of each.
        scores: What a model gives for each view; only their order counts.

    Raises:
        ValueError: If the labels are all the same.
    """
    scores = np.asarray(scores, np.float64).reshape(-1)
    clicks, others = scores[labels > 0.5], scores[labels <= 0.5]
    if not len(clicks) or not len(others):
        raise ValueError("`labels` should hold zeros and ones. Received: one of them alone")
    of_clicks = _share_below(clicks, others)
    return Auc(float(of_clicks.mean()), of_clicks, 1 - _share_below(others, clicks))


def accuracy(labels: np.ndarray, scores: np.ndarray) -> float:
    """The share of views that are on the right side of a probability of one half."""
    return float(((np.reshape(scores, -1) > 0.5) == (labels > 0.5)).mean())


def _share_below(values: np.ndarray, others: np.ndarray) -> np.ndarray:
    """For each value the share of others below it, equal ones counting half."""
    others = np.sort(others)
    below = np.searchsorted(others, values, "left") + np.searchsorted(others, values, "right")
    return below / (2 * len(others))


def _error(of_clicks: np.ndarray, of_others: np.ndarray) -> float:
    parts = [each.var(ddof=1) / len(each) if len(each) > 1 else 0.0
             for each in (of_clicks, of_others)]  # fmt: skip
    return float(np.sqrt(sum(parts)))
