"""How kernels are pruned: the arguments of `prune_block`, checked and saved as one."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

from tfsparse.pattern import NMPattern, Pattern, parse_pattern
from tfsparse.pruning.criterion import Criterion, get_criterion
from tfsparse.pruning.group_lasso import GroupLasso, as_group_lasso
from tfsparse.pruning.schedule_adapter import as_schedule
from tfsparse.pruning.schedules import (
    PruningSchedule,
    check_sparsity,
    deserialize_schedule,
    serialize_schedule,
)
from tfsparse.pruning.scope import Scope, as_scope

DEFAULT_SPARSITY = 0.9


@dataclasses.dataclass(frozen=True)
class Settings:
    """How a kernel is pruned; every field as `prune_block` explains it.

    Attributes:
        pattern: What is kept or pruned as one.
        schedule: Which sparsity at which step.
        group_lasso: How hard blocks are pulled towards zero.
        criterion: Scores blocks; the lowest are pruned first.
        scope: Whether the schedule's sparsity is that of each kernel or of all.
        regrow: Whether pruned blocks may come back.
    """

    pattern: Pattern
    schedule: PruningSchedule
    group_lasso: GroupLasso
    criterion: Criterion
    scope: Scope
    regrow: bool

    @classmethod
    def of(
        cls,
        pattern: str | Pattern = "4x1",
        schedule: Any = None,
        group_lasso: float | GroupLasso = 0.0,
        criterion: Any = "l2_norm",
        scope: str | Scope | dict[str, Any] = "local",
        regrow: bool = False,
    ) -> Settings:
        """Reads the arguments of `prune_block`.

        Raises:
            ValueError: If one is wrong, or the schedule does not end at the
                sparsity of a pattern that keeps K of N.
        """
        parsed = parse_pattern(pattern)
        if schedule is None:
            schedule = parsed.sparsity if isinstance(parsed, NMPattern) else DEFAULT_SPARSITY
        elif isinstance(schedule, dict):
            schedule = deserialize_schedule(schedule)
        settings = cls(
            parsed,
            as_schedule(schedule),
            as_group_lasso(group_lasso),
            get_criterion(criterion),
            as_scope(scope),
            bool(regrow),
        )
        settings._check()
        return settings

    def arguments(self) -> dict[str, Any]:
        """Arguments of `of` that make equal settings."""
        return dict(vars(self))

    def get_config(self) -> dict[str, Any]:
        """Arguments of `of` that make equal settings, as plain JSON data."""
        return {
            "pattern": str(self.pattern),
            "schedule": serialize_schedule(self.schedule),
            "group_lasso": self.group_lasso.get_config(),
            "criterion": self.criterion.name,
            "scope": self.scope.get_config(),
            "regrow": self.regrow,
        }

    def changed(self, **changes: Any) -> Settings:
        """The same settings but for some arguments of `of`."""
        arguments = {**self.arguments(), **changes}
        if "pattern" in changes and "schedule" not in changes:
            patterns = (self.pattern, parse_pattern(changes["pattern"]))
            # The sparsity of "K:N" follows from the pattern, so it changes with it.
            if any(isinstance(pattern, NMPattern) for pattern in patterns):
                arguments["schedule"] = None
        return Settings.of(**arguments)

    def _check(self) -> None:
        check_sparsity("schedule.target", self.schedule.target)
        self.scope.check_target(self.schedule.target)
        if self.criterion.needs_gradients and self.schedule.immediate and not self.schedule.locks:
            raise ValueError(
                "`criterion` should be one that needs no gradients when a schedule prunes before "
                f"the first step. Received: criterion={self.criterion.name!r}, "
                f"schedule={self.schedule}"
            )
        if not isinstance(self.pattern, NMPattern) or self.schedule.locks:
            return
        if not math.isclose(self.schedule.target, self.pattern.sparsity):
            raise ValueError(
                f"`schedule` should end at {self.pattern.sparsity:g}, the sparsity of the pattern "
                f"'{self.pattern}', or be left out. Received: schedule={self.schedule}"
            )
