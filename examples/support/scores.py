"""Scores of a classifier on a test set."""

from __future__ import annotations

import numpy as np

Scores = dict[str, float]


def scores(predicted: np.ndarray, labels: np.ndarray) -> Scores:
    """Accuracy, and where there are two classes the F1 of class 1.

    Args:
        predicted: Logits, (examples, classes).
        labels: Classes, (examples,).
    """
    chosen = predicted.argmax(axis=1)
    found = {"accuracy": float((chosen == labels).mean())}
    if predicted.shape[1] == 2:
        right = int(((chosen == 1) & (labels == 1)).sum())
        named = int((chosen == 1).sum() + (labels == 1).sum())
        found["f1"] = 2 * right / named if named else 0.0
    return found


def log_softmax(logits: np.ndarray) -> np.ndarray:
    """Logarithms of the probabilities that logits stand for, (examples, classes)."""
    shifted = logits - logits.max(axis=1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))


def relative_loss(dense: float, sparse: float) -> float:
    """Share of a dense model's score that a sparse one has lost; negative if it gained."""
    return (dense - sparse) / dense


def line(scores: Scores) -> str:
    """The scores, to print."""
    return ", ".join(f"{name} {value:.2%}" for name, value in scores.items())
