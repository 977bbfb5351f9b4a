"""How many threads a process may keep busy: its cores, and what a container grants it of them."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from pathlib import Path

_ROOT = Path("/sys/fs/cgroup")
_OWN = Path("/proc/self/cgroup")


def usable_cores() -> int:
    """Cores that this process may run on, and no more than its cgroup's quota of time allows."""
    cores = affinity()
    quota = cgroup_quota()
    return cores if quota is None else max(1, min(cores, math.ceil(quota)))


def affinity() -> int:
    """Cores that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def cgroup_quota(root: Path = _ROOT, own: Path = _OWN) -> float | None:
    """Cores' worth of time that cgroups of either version grant; None where they set no limit.

    Args:
        root: Where the file system of cgroups is mounted.
        own: The file that says in which cgroups the process is.
    """
    return min(filter(None, map(_quota, _folders(root, own))), default=None)


def _folders(root: Path, own: Path) -> Iterator[Path]:
    """The folders of the process's cgroups and of those around them."""
    yield from (root, root / "cpu")
    try:
        lines = own.read_text().splitlines()
    except OSError:
        return
    for line in lines:
        _, controllers, path = line.split(":", 2)
        base = root / "cpu" if "cpu" in controllers.split(",") else root
        if not controllers or "cpu" in controllers.split(","):
            place = base / path.lstrip("/")
            while place != base and base in place.parents:
                yield place
                place = place.parent


def _quota(folder: Path) -> float | None:
    try:
        quota, period = (folder / "cpu.max").read_text().split()
    except (OSError, ValueError):
        try:
            quota = (folder / "cpu.cfs_quota_us").read_text()
            period = (folder / "cpu.cfs_period_us").read_text()
        except OSError:
            return None
    try:
        cores = int(quota) / int(period)
    except (ValueError, ZeroDivisionError):
        return None
    return cores if cores > 0 else None
