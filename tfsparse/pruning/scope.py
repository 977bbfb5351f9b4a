"""Scope: whether kernels are pruned one by one or in one ranking."""

from __future__ import annotations

import dataclasses
import numbers
from typing import Any

_RANKINGS = ("local", "global")


@dataclasses.dataclass(frozen=True)
class Scope:
    """Whether a schedule's sparsity is that of each kernel, or of all kernels together.

    Args:
        ranking: ``"local"``: of each kernel by itself. ``"global"``: of all
            kernels with the same schedule together; those with more important
            blocks keep more.
        min_sparsity: Share of its elements that each kernel loses at least, in
            a global ranking. As long as a schedule asks for less, every kernel
            has the sparsity of the schedule.
        max_sparsity: Share of its elements that each kernel loses at most, in a
            global ranking. By default every kernel keeps at least a tenth of
            what kernels keep on average: at 90% that is 99%.

    Raises:
        ValueError: If the ranking is unknown, if the bounds are not in order,
            or if a local ranking has bounds.

    Example:

    >>> Scope("global", min_sparsity=0.5).bounds(0.9)
    (0.5, 0.99)
    """

    ranking: str = "local"
    min_sparsity: float = 0.0
    max_sparsity: float | None = None

    def __post_init__(self) -> None:
        if self.ranking not in _RANKINGS:
            raise ValueError(
                f"`scope` should be one of {_RANKINGS}. Received: scope={self.ranking!r}"
            )
        if not self.is_global and (self.min_sparsity or self.max_sparsity is not None):
            raise ValueError(
                "`min_sparsity` and `max_sparsity` should be given for a global ranking only. "
                f"Received: scope={self}"
            )
        high = 1.0 if self.max_sparsity is None else self.max_sparsity
        bounds = (self.min_sparsity, high)
        real = all(isinstance(b, numbers.Real) and not isinstance(b, bool) for b in bounds)
        if not real or not 0.0 <= self.min_sparsity <= high <= 1.0:
            raise ValueError(
                "`min_sparsity` and `max_sparsity` should be numbers with "
                f"0 <= min_sparsity <= max_sparsity <= 1. Received: scope={self}"
            )

    @property
    def is_global(self) -> bool:
        """Whether kernels are ranked together."""
        return self.ranking == "global"

    def bounds(self, sparsity: float) -> tuple[float, float]:
        """The least and the greatest sparsity of a kernel when all together have `sparsity`."""
        high = 1.0 - (1.0 - sparsity) / 10.0 if self.max_sparsity is None else self.max_sparsity
        return min(self.min_sparsity, sparsity), round(high, 12)

    def check_target(self, target: float) -> None:
        """Checks that a schedule can end where it wants to.

        Args:
            target: Sparsity that the schedule ends with.

        Raises:
            ValueError: If no kernel may become so sparse.
        """
        if self.is_global and target > self.bounds(target)[1]:
            raise ValueError(
                "`max_sparsity` of a scope should not be below the target of the schedule. "
                f"Received: max_sparsity={self.max_sparsity}, target={target}"
            )

    def get_config(self) -> dict[str, Any]:
        """Arguments that make an equal scope, as plain JSON data."""
        return dataclasses.asdict(self)


def as_scope(scope: Any) -> Scope:
    """Reads a `scope` argument: ``"local"``, ``"global"``, a `Scope` or its configuration.

    Raises:
        ValueError: If it is none of these.
    """
    if isinstance(scope, Scope):
        return scope
    return Scope(**scope) if isinstance(scope, dict) else Scope(scope)
