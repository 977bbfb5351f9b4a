"""Shows on the terminal how far a long run is."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

T = TypeVar("T")

DELAY = 1.0
"""Seconds before the bar appears; what ends sooner needs none."""


def progress(
    iterable: Iterable[T], total: int | None, description: str, verbose: bool | None = None
) -> Iterator[T]:
    """Iterates, and shows a bar on stderr when that takes long.

    Args:
        iterable: What to iterate over.
        total: How many elements there are at most, None if that is not known.
        description: What is going on, in a word or two.
        verbose: True shows the bar wherever stderr goes, False never; by default it is shown
            if stderr is a terminal.

    Yields:
        The elements.

    Example:

    >>> list(progress([1, 2], 2, "Calibrating"))
    [1, 2]
    """
    if verbose is False or (verbose is None and not sys.stderr.isatty()):
        yield from iterable
        return
    bar = _bar()
    task = bar.add_task(description, total=total)
    begin = time.monotonic()
    started = False
    try:
        for element in iterable:
            yield element
            bar.advance(task)
            if not started and time.monotonic() - begin >= DELAY:
                bar.start()
                started = True
    finally:
        if started:
            bar.stop()


def _bar() -> Progress:
    console = Console(file=sys.stderr)
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=console,
        transient=console.is_terminal,
    )
