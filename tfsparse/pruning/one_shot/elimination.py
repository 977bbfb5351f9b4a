"""The order in which optimal brain surgeon eliminates the blocks of a matrix, and at what loss.

What. A product ``y = W x`` is to lose blocks of weights and to change as little as it can, over
inputs x with ``H = E[x x^T]``. All rows of ``W`` see the same inputs. The A rows of a row of
blocks drop the same B columns, so they share one inverse: that of H among the inputs that are
left. To drop the columns b, and to make up for it with the weights w that are left, costs

``loss_b = tr(w_b ([H^-1]_bb)^-1 w_b^T)``    by the update    ``w -= w_b ([H^-1]_bb)^-1 [H^-1]_b,:``

and then H^-1 loses what it knows of b by a downdate of rank B. Greedy: the block of least
loss goes, again and again, in each row of blocks by itself.

How. The downdated inverse of each row of blocks would be a matrix of K x K to rewrite in each
step. It is not held: it is ``H^-1 - U^T U``, where U has a row for each input that is gone. Of that
the greedy choice needs the diagonal blocks, and a step needs the rows of what it eliminates.

Two forms of one algorithm, `batch` blocks at a time:

- *exact* (`batch` 1): every block is chosen among all, with all losses up to date. A step is
  a product of a matrix and a vector, which reads all of U.
- *batched*: the `POOL` times `batch` blocks of least loss are a pool, and `batch` of them are
  eliminated. Among the pool the choice is greedy and exact, since the losses of a pool depend
  on nothing outside of it. Blocks outside of the pool have to wait for the next one, which
  is all that is approximate. The steps become products of matrices.

Columns of inputs that are gone are dropped from U now and then, row by row of blocks.

Cost for R rows of blocks, K inputs and T eliminated inputs in each: about ``R T^2 (K - 2/3 T)``
multiplications, and at most ``2 R K T`` numbers of memory.

Reference:

- Hassibi and Stork, "Second Order Derivatives for Network Pruning: Optimal Brain Surgeon",
  NeurIPS 1992.
- Frantar and Alistarh, "Optimal Brain Compression", NeurIPS 2022 (rows by themselves, blocks of
  inputs). That A rows share an inverse, U and the pool are ours.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from tfsparse.pattern import NMPattern

POOL = 2
"""Blocks in a pool for each one that is eliminated from it."""

STALE = 0.2
"""Share of the columns at hand that may be of blocks that are gone."""


def eliminate(
    weights: np.ndarray,
    inverse: np.ndarray,
    steps: int,
    batch: int = 1,
    groups: NMPattern | None = None,
) -> np.ndarray:
    """Losses of blocks at the time when they are eliminated.

    Args:
        weights: ``(rows, A, columns, B)``, rows and columns of blocks, in the precision to
            compute in: float64, or float32 for half of the time and the memory.
        inverse: ``(columns * B, columns * B)``, the inverse of H, of the same type.
        steps: How many blocks of each row are eliminated.
        batch: How many at a time; 1 is the exact greedy choice.
        groups: If given, no more than N - K of every N consecutive columns are eliminated.

    Returns:
        float64 ``(rows, columns)``: the loss, but no less than that of any block
        of the row that went before, so that blocks rank in the order in which they
        went; infinity for those that did not go.

    Raises:
        numpy.linalg.LinAlgError: If the precision does not hold what is left of the inverse.

    Example:

    >>> weights = np.array([1.0, 3.0, 2.0, 4.0]).reshape(1, 1, 4, 1)
    >>> eliminate(weights, np.eye(4), steps=3).tolist()
    [[1.0, 9.0, 4.0, inf]]
    """
    rows = _Rows(weights, inverse, steps, groups)
    while rows.done < steps:
        rows.eliminate(min(batch, steps - rows.done))
    return rows.losses


class _Rows:
    """Rows of blocks on the way.

    Args:
        weights: As in `eliminate`, and so are the others.
        inverse: The inverse of H before any block went.
        steps: How many blocks will go.
        groups: As in `eliminate`.
    """

    def __init__(
        self, weights: np.ndarray, inverse: np.ndarray, steps: int, groups: NMPattern | None
    ) -> None:
        rows, height, columns, width = weights.shape
        inputs = columns * width
        self.done = 0
        self.losses = np.full((rows, columns), np.inf)
        self._width = int(width)
        self._inverse = inverse
        # The blocks of each row that are at hand; places below are places among them.
        self._blocks = np.tile(np.arange(columns), (rows, 1))
        self._inputs = np.tile(np.arange(inputs), (rows, 1))
        self._weights = weights.reshape(rows, height, inputs).copy()
        index = np.arange(inputs).reshape(columns, width)
        diagonal = inverse[index[:, :, None], index[:, None, :]]
        self._diagonal = np.broadcast_to(diagonal, (rows, *diagonal.shape)).copy()
        self._u = np.empty((rows, steps * width, inputs), weights.dtype)
        self._last = np.zeros(rows)
        self._quotas = None if groups is None else _Quotas(rows, columns, groups)

    def eliminate(self, count: int) -> None:
        """Eliminates so many blocks of each row."""
        at_hand = self._blocks.shape[1]
        if at_hand - (self.losses.shape[1] - self.done) > STALE * at_hand:
            self._compact()
        pool = self._pool(count)
        columns = _columns(pool, self._width)
        u = np.take_along_axis(self._u[:, : self._gone], columns[:, None], axis=2)
        inputs = np.take_along_axis(self._inputs, columns, axis=1)
        inner = self._inverse[inputs[:, :, None], inputs[:, None, :]]
        inner -= u.swapaxes(1, 2) @ u
        weights = np.take_along_axis(self._weights, columns[:, None], axis=2)
        choice = self._choose(pool, inner, weights, count)
        places = _columns(choice.places, self._width)
        self._downdate(
            np.take_along_axis(inputs, places, axis=1),
            np.take_along_axis(u, places[:, None], axis=2),
            np.linalg.inv(np.take_along_axis(choice.factor, places[:, :, None], axis=1)),
            choice.shares,
        )
        self.done += count

    @property
    def _gone(self) -> int:
        return self.done * self._width

    def _compact(self) -> None:
        """Drops what is held of blocks that are gone, as many in each row."""
        order = np.argsort(~self._open(self._blocks), axis=1, kind="stable")
        places = np.sort(order[:, : self.losses.shape[1] - self.done], axis=1)
        columns = _columns(places, self._width)
        rows, steps, _ = self._u.shape
        u = np.empty((rows, steps, columns.shape[1]), self._u.dtype)
        for row in range(rows):
            u[row, : self._gone] = self._u[row, : self._gone, columns[row]].T
        self._u = u
        self._weights = np.take_along_axis(self._weights, columns[:, None], axis=2)
        self._diagonal = np.take_along_axis(self._diagonal, places[..., None, None], axis=1)
        self._blocks = np.take_along_axis(self._blocks, places, axis=1)
        self._inputs = np.take_along_axis(self._inputs, columns, axis=1)

    def _open(self, blocks: np.ndarray) -> np.ndarray:
        """Which of some blocks of each row are not gone."""
        return np.asarray(np.isinf(np.take_along_axis(self.losses, blocks, axis=1)))

    def _may_go(self, blocks: np.ndarray) -> np.ndarray:
        """Which of some blocks of each row are not gone and may go."""
        found = self._open(blocks)
        if self._quotas is not None:
            found &= ~np.take_along_axis(self._quotas.full(), blocks, axis=1)
        return found

    def _pool(self, count: int) -> np.ndarray:
        """Places of the blocks of each row among which so many are eliminated."""
        rows, columns = self._blocks.shape
        height = self._weights.shape[1]
        by_block = self._weights.reshape(rows, height, columns, self._width)
        losses = _losses_of(self._may_go(self._blocks), by_block, self._diagonal)
        size = 1 if count == 1 else count * POOL
        if count > 1 and self._quotas is not None:
            size = count * max(POOL, self._quotas.most_left)
        size = min(size, columns)
        return np.argpartition(losses, size - 1, axis=1)[:, :size]

    def _choose(
        self, pool: np.ndarray, inner: np.ndarray, weights: np.ndarray, count: int
    ) -> _Choice:
        """Eliminates greedily within a pool, and notes the losses."""
        rows = np.arange(len(pool))
        blocks = np.take_along_axis(self._blocks, pool, axis=1)
        places, factors, shares = [], [], []
        for _ in range(count):
            losses = _inner_losses(self._may_go(blocks), weights, inner, self._width)
            place = losses.argmin(axis=1)
            factor, share = _eliminate_one(weights, inner, _columns(place[:, None], self._width))
            block = blocks[rows, place]
            # Strictly more each time, so that equal losses rank in their order too.
            self._last = np.maximum(losses[rows, place], np.nextafter(self._last, np.inf))
            self.losses[rows, block] = self._last
            if self._quotas is not None:
                self._quotas.use(block)
            places.append(place)
            factors.append(factor)
            shares.append(share)
        return _Choice(
            np.stack(places, axis=1), np.concatenate(factors, axis=2), np.concatenate(shares, 2)
        )

    def _downdate(
        self, inputs: np.ndarray, u: np.ndarray, root: np.ndarray, shares: np.ndarray
    ) -> None:
        """Takes eliminated inputs out of the inverse, and makes up for them in the weights."""
        rows, blocks = self._blocks.shape
        if self._inputs.shape[1] == len(self._inverse):
            new = self._inverse[inputs]
        else:
            new = self._inverse[inputs[:, :, None], self._inputs[:, None, :]]
        new -= u.swapaxes(1, 2) @ self._u[:, : self._gone]
        new = root @ new
        self._u[:, self._gone : self._gone + inputs.shape[1]] = new
        self._weights -= shares @ new
        if self._width == 1:
            self._diagonal[..., 0, 0] -= np.einsum("rtk,rtk->rk", new, new)
        else:
            by_block = new.reshape(rows, -1, blocks, self._width).transpose(0, 2, 3, 1)
            self._diagonal -= by_block @ by_block.swapaxes(2, 3)


@dataclasses.dataclass(frozen=True)
class _Choice:
    """Blocks chosen from a pool.

    Attributes:
        places: Their places in the pool in the order in which they go, ``(rows, count)``.
        factor: Factor of the inverse within the pool, ``(rows, inputs of the pool, inputs that
            go)``: of the chosen inputs a Cholesky factor.
        shares: What of the weights goes with each input, ``(rows, A, inputs that go)``.
    """

    places: np.ndarray
    factor: np.ndarray
    shares: np.ndarray


class _Quotas:
    """How many blocks of each group of N may still go."""

    def __init__(self, rows: int, columns: int, pattern: NMPattern) -> None:
        count = -(-columns // pattern.of)
        self._group = np.arange(columns) // pattern.of
        self._left = np.full((rows, count), pattern.of - pattern.keep)
        # The padding of a last group that is not full goes first.
        self._left[:, -1] = max(0, columns - (count - 1) * pattern.of - pattern.keep)
        self.most_left = pattern.keep + 1
        """Blocks at most among which one of a group is chosen, when it is its last."""

    def full(self) -> np.ndarray:
        """Blocks whose group is used up, bool ``(rows, columns)``."""
        return np.asarray((self._left == 0)[:, self._group])

    def use(self, block: np.ndarray) -> None:
        """One block of each row goes."""
        self._left[np.arange(len(block)), self._group[block]] -= 1


def block_losses(weights: np.ndarray, diagonal: np.ndarray) -> np.ndarray:
    """What it costs to eliminate each block alone.

    Args:
        weights: ``(rows, A, columns, B)``.
        diagonal: Diagonal blocks of the inverse, ``(rows, columns, B, B)``.

    Returns:
        ``(rows, columns)``.
    """
    if weights.shape[-1] == 1:
        squares = np.einsum("rac,rac->rc", weights[..., 0], weights[..., 0])
        return np.asarray(squares / diagonal[..., 0, 0])
    by_block = weights.transpose(0, 2, 3, 1)
    return np.asarray(np.einsum("rcba,rcba->rc", by_block, np.linalg.solve(diagonal, by_block)))


def _losses_of(open_: np.ndarray, weights: np.ndarray, diagonal: np.ndarray) -> np.ndarray:
    """The losses of blocks that may go, infinity for others."""
    # Of an input that is gone the inverse knows nothing, and is singular.
    identity = np.eye(diagonal.shape[-1], dtype=diagonal.dtype)
    losses = block_losses(weights, np.where(open_[..., None, None], diagonal, identity))
    if not (losses[open_] >= 0.0).all():  # NaN neither
        raise np.linalg.LinAlgError("The inverse is no longer positive definite")
    return np.asarray(np.where(open_, losses, np.inf))


def _inner_losses(
    free: np.ndarray, weights: np.ndarray, inner: np.ndarray, width: int
) -> np.ndarray:
    rows, height, inputs = weights.shape
    index = np.arange(inputs).reshape(-1, width)
    diagonal = inner[:, index[:, :, None], index[:, None, :]]
    return _losses_of(free, weights.reshape(rows, height, -1, width), diagonal)


def _eliminate_one(
    weights: np.ndarray, inner: np.ndarray, columns: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Takes the inputs of one block of each row out of the weights and the inverse of a pool.

    Returns:
        The columns of the factor of the inverse, and the share of the weights.
    """
    pivot = np.take_along_axis(inner, columns[:, None], axis=2)
    root = np.linalg.inv(np.linalg.cholesky(np.take_along_axis(pivot, columns[..., None], 1)))
    factor = pivot @ root.swapaxes(1, 2)
    share = np.take_along_axis(weights, columns[:, None], axis=2) @ root.swapaxes(1, 2)
    weights -= share @ factor.swapaxes(1, 2)
    inner -= factor @ factor.swapaxes(1, 2)
    return factor, share


def _columns(blocks: np.ndarray, width: int) -> np.ndarray:
    """Columns of the inputs of blocks: ``(rows, count)`` to ``(rows, count * width)``."""
    return (blocks[..., None] * width + np.arange(width)).reshape(len(blocks), -1)
