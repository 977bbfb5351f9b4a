"""How far the outputs of two models are from each other."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np


@dataclasses.dataclass(frozen=True)
class Agreement:
    """An output of a model beside that of another.

    Attributes:
        output: Its name.
        max_difference: Greatest absolute difference; None where the outputs cannot be compared.
        relative_error: Norm of the difference over that of the output; 0 where both are zero.
        same_class: Share of rows whose greatest element is the same one; None where there is just
            one element, or no row.
        problem: Why it cannot be compared; empty if it can.
    """

    output: str
    max_difference: float | None
    relative_error: float | None
    same_class: float | None
    problem: str = ""


def compare(
    expected: Sequence[Mapping[str, np.ndarray]], found: Sequence[Mapping[str, np.ndarray]]
) -> list[Agreement]:
    """Compares outputs.

    Args:
        expected: Outputs of the first model, for each batch.
        found: Outputs of the other, for the same batches.
    """
    return [
        _compare(name, [each[name] for each in expected], [each.get(name) for each in found])
        for name in expected[0]
    ]


def _compare(
    name: str, expected: Sequence[np.ndarray], found: Sequence[np.ndarray | None]
) -> Agreement:
    if any(each is None for each in found):
        return Agreement(name, None, None, None, "the other model does not have it")
    pairs = [(one, np.asarray(other)) for one, other in zip(expected, found, strict=True)]
    if any(one.shape != other.shape for one, other in pairs):
        return Agreement(name, None, None, None, "the shapes differ")
    flat = np.concatenate([one.reshape(-1) for one, _ in pairs])
    other = np.concatenate([each.reshape(-1) for _, each in pairs])
    if flat.dtype.kind not in "fiubV":
        differ = int(np.count_nonzero(flat != other))
        return Agreement(name, float(differ > 0), differ / max(1, flat.size), None)
    flat, other = flat.astype(np.float64), other.astype(np.float64)
    special, other_special = (np.where(np.isfinite(v), 0.0, v) for v in (flat, other))
    if not np.array_equal(special, other_special, equal_nan=True):
        return Agreement(name, None, None, None, "NaN or Inf stand in other places")
    flat, other = (np.where(np.isfinite(v), v, 0.0) for v in (flat, other))
    difference = np.abs(flat - other)
    norm = float(np.linalg.norm(flat))
    error = float(np.linalg.norm(difference))
    return Agreement(
        output=name,
        max_difference=float(difference.max(initial=0.0)),
        relative_error=error / norm if norm else float(error > 0),
        same_class=_same_class(pairs),
    )


def _same_class(pairs: Sequence[tuple[np.ndarray, np.ndarray]]) -> float | None:
    if any(one.ndim < 2 or one.shape[-1] < 2 for one, _ in pairs):
        return None
    same = [(one.argmax(-1) == other.argmax(-1)).reshape(-1) for one, other in pairs]
    every = np.concatenate(same)
    return float(every.mean()) if every.size else None


def rows(agreements: Sequence[Agreement]) -> list[list[str]]:
    """The cells of a table: output, greatest difference, relative error, same class."""
    return [
        [
            each.output,
            "-" if each.max_difference is None else f"{each.max_difference:.3g}",
            "-" if each.relative_error is None else f"{each.relative_error:.2%}",
            each.problem or ("-" if each.same_class is None else f"{each.same_class:.2%}"),
        ]
        for each in agreements
    ]


HEADS = ("output", "max difference", "relative error", "same class")
