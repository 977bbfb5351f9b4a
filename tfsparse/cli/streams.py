"""Threads that call a model at the same time, none of which outlives what started it.

Whatever ends the wait for them, be it Ctrl-C or an error of one, the others are told to stop and
are waited for: a thread that went on would call a model that is closed by then. The wait is for
what they count themselves, since `threading.Thread.join` takes a thread for ended once Ctrl-C has
interrupted it, and Ctrl-C may come while threads are still being started.
"""

from __future__ import annotations

import threading
from collections.abc import Callable


def run_streams(work: Callable[[], object], count: int, stop: threading.Event) -> None:
    """Runs `work` on some threads and waits for all of them.

    Args:
        work: What each thread does. It should return soon after `stop` is set.
        count: How many threads.
        stop: Is set once a thread has raised, once the wait is interrupted, and at the end.

    Raises:
        BaseException: The first error of a thread.
    """
    change = threading.Condition()
    working = ended = 0
    errors: list[BaseException] = []

    def run() -> None:
        nonlocal working, ended
        with change:
            working += 1
        try:
            if not stop.is_set():
                work()
        except BaseException as error:
            errors.append(error)
            stop.set()
        finally:
            with change:
                working, ended = working - 1, ended + 1
                change.notify_all()

    try:
        for _ in range(count):
            threading.Thread(target=run, daemon=True).start()
        with change:
            change.wait_for(lambda: ended == count)
    finally:
        stop.set()
        with change:
            change.wait_for(lambda: working == 0)
    if errors:
        raise errors[0]
