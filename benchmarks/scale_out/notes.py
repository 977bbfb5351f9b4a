"""When each worker began and ended each batch, and the rate that follows."""

from __future__ import annotations

import math
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

_FIRST = 2
"""Batches of a worker that do not count: in them it packs weights, and makes its buffers."""


class Batch(NamedTuple):
    """A batch that a worker has run: seconds since the epoch, and how many examples it had."""

    start: float
    end: float
    examples: float


def by_process() -> str:
    """What tells workers apart that are processes."""
    return str(os.getpid())


def by_thread() -> str:
    """What tells workers apart that are threads of one process."""
    return str(threading.get_ident())


@contextmanager
def noted(notes: Path, examples: int, worker: Callable[[], str] = by_process) -> Iterator[None]:
    """Writes down that this worker runs a batch.

    Args:
        notes: A folder that all workers write to.
        examples: How many the batch has.
        worker: Gives the name of this worker.
    """
    start = time.time()
    yield
    with (notes / worker()).open("a") as file:
        file.write(f"{start} {time.time()} {examples}\n")


def read(notes: Path) -> list[list[Batch]]:
    """The batches of each worker that count."""
    return [
        [Batch(*map(float, line.split())) for line in file.read_text().splitlines()[_FIRST:]]
        for file in notes.iterdir()
    ]


def steady_rate(workers: list[list[Batch]]) -> float:
    """Examples a second while all workers were at work; NaN if there was no such time.

    The first half of that time does not count either: Java compiles what it has run often enough,
    and queues fill.
    """
    if not workers or not all(workers):
        return math.nan
    end = min(max(each.end for each in batches) for batches in workers)
    begin = (all_at_work(workers) + end) / 2
    count = sum(
        each.examples
        * max(0.0, min(each.end, end) - max(each.start, begin))
        / (each.end - each.start)
        for batches in workers
        for each in batches
    )
    return count / (end - begin) if end > begin else math.nan


def all_at_work(workers: list[list[Batch]]) -> float:
    """When the last worker was there, in seconds since the epoch."""
    return max(min(each.start for each in batches) for batches in workers)
