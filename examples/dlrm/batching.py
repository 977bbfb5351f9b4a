"""A server that joins the queries that wait into batches.

One thread computes, and while it does, queries gather. It then takes as many of them as have no
more than a number of items together, oldest first, and answers all at once. So a lone query is not
kept waiting, and the busier the server is, the larger its batches are.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence

import numpy as np

from .queries import Samples

Model = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""Gives probabilities ``(items, 1)`` for dense numbers and ids."""

Query = tuple[int, int]
"""Its own number, and that of its sample."""


class BatchingServer:
    """Answers queries in batches.

    Args:
        model: What computes.
        samples: What queries ask for.
        answer: Called with the number of a query and its probabilities.
        max_items: Items of a batch at most, unless one query alone has more.
        workers: Threads that compute, each a batch at a time.
    """

    def __init__(
        self,
        model: Model,
        samples: Samples,
        answer: Callable[[int, np.ndarray], None],
        max_items: int,
        workers: int = 1,
    ) -> None:
        self._model = model
        self._samples = samples
        self._answer = answer
        self._max_items = max_items
        self._waiting: deque[Query] = deque()
        self._changed = threading.Condition()
        self._closed = False
        self._threads = [threading.Thread(target=self._work, daemon=True) for _ in range(workers)]
        for thread in self._threads:
            thread.start()

    def submit(self, queries: Sequence[Query]) -> None:
        """Takes queries and returns at once."""
        with self._changed:
            self._waiting.extend(queries)
            self._changed.notify(len(self._threads))

    def close(self) -> None:
        """Answers what waits, and ends."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        for thread in self._threads:
            thread.join()

    def _work(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._closed)
                if not self._waiting:
                    return
                batch = self._take()
            self._run(batch)

    def _take(self) -> list[Query]:
        batch, items = [], 0
        while self._waiting:
            part = self._samples.items(self._waiting[0][1])
            items += part.stop - part.start
            if batch and items > self._max_items:
                break
            batch.append(self._waiting.popleft())
        return batch

    def _run(self, batch: list[Query]) -> None:
        parts = [self._samples.items(sample) for _, sample in batch]
        dense, ids = (
            np.concatenate([array[part] for part in parts]) if len(parts) > 1 else array[parts[0]]
            for array in (self._samples.dense, self._samples.ids)
        )
        found = self._model(dense, ids)
        first = 0
        for (number, _), part in zip(batch, parts, strict=True):
            last = first + part.stop - part.start
            self._answer(number, found[first:last])
            first = last
