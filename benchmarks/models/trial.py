"""Which of several forms of a model is the fastest, for engines that have more than one."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

Run = TypeVar("Run", bound=Callable[[], Any])
_SECONDS = 0.3


def fastest(runs: Iterable[Run]) -> Run:
    """The one whose shortest run, of a short trial each, is the shortest."""
    return min(runs, key=_least_seconds)


def _least_seconds(run: Callable[[], Any]) -> float:
    run()
    times: list[float] = []
    end = time.perf_counter() + _SECONDS
    while not times or time.perf_counter() < end:
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return min(times)
