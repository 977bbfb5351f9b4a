"""Where the non-zeros of a kernel are, as a small picture.

A kernel is looked at as its matrix (out, in), row 0 on top, the matrices of a
grouped kernel below each other. A picture holds the share of non-zeros in each
of its cells; in a kernel with more elements than a picture may have cells, a
cell is as many elements high as any other and as many wide, but for the last.
In a large kernel the blocks are far smaller than a cell, so `corner` shows the
first elements as they are.

A picture is stored as a PNG of one colour whose opacity is the share, so that
it can be read on light and on dark ground. Opacity is the square root of the
share: at 95% sparsity the cells would be all but invisible otherwise.
"""

from __future__ import annotations

import base64
import dataclasses
import itertools
import struct
import zlib

import numpy as np

CELLS, LONGEST, CORNER = 96 * 96, 288, 48
_LEVELS = 32
COLOUR = (61, 125, 202)


@dataclasses.dataclass(frozen=True)
class MaskPicture:
    """Non-zeros of one kernel.

    Attributes:
        whole: uint8 array of shape ``(rows, columns)``, at most `LONGEST` each and
            `CELLS` together: the share of non-zeros in each cell, 255 for all.
        corner: bool array, the first elements of the first matrix, at most
            `CORNER` by `CORNER`; True where an element is not zero.
        shape: Rows and columns that `whole` stands for.
    """

    whole: np.ndarray
    corner: np.ndarray
    shape: tuple[int, int]

    @property
    def is_reduced(self) -> bool:
        """Whether cells of `whole` stand for more than one element."""
        return self.whole.shape != self.shape


def mask_picture(matrices: np.ndarray) -> MaskPicture:
    """Takes the picture of a kernel.

    Args:
        matrices: Kernel of shape ``(groups, out, in)``.

    Returns:
        Its picture.

    Example:

    >>> picture = mask_picture(np.eye(300)[None])
    >>> picture.whole.shape, picture.corner.shape
    ((75, 100), (48, 48))
    """
    occupied = (matrices != 0).reshape(-1, matrices.shape[-1])
    return MaskPicture(
        whole=np.rint(255.0 * _shares(occupied)).astype(np.uint8),
        corner=occupied[: min(CORNER, matrices.shape[1]), :CORNER].copy(),
        shape=(occupied.shape[0], occupied.shape[1]),
    )


def png(picture: np.ndarray) -> bytes:
    """A picture as a PNG, one pixel a cell.

    Args:
        picture: uint8 array of shares, 255 for all, or bool array.

    Returns:
        The bytes of the file.
    """
    shares = picture.astype(np.float64) / (1 if picture.dtype == np.bool_ else 255)
    levels = np.rint(np.sqrt(shares) * (_LEVELS - 1)).astype(np.uint8)
    rows, columns = levels.shape
    lines = np.zeros((rows, columns + 1), np.uint8)  # each line begins with its filter: none
    lines[:, 1:] = levels
    opacity = np.rint(np.linspace(0, 255, _LEVELS)).astype(np.uint8)
    return b"".join(
        [
            b"\x89PNG\r\n\x1a\n",
            _chunk(b"IHDR", struct.pack(">IIBBBBB", columns, rows, 8, 3, 0, 0, 0)),
            _chunk(b"PLTE", bytes(COLOUR) * _LEVELS),
            _chunk(b"tRNS", opacity.tobytes()),
            _chunk(b"IDAT", zlib.compress(lines.tobytes(), 9)),
            _chunk(b"IEND", b""),
        ]
    )


def data_url(picture: np.ndarray) -> str:
    """A picture as an address that holds it."""
    return "data:image/png;base64," + base64.b64encode(png(picture)).decode()


def _shares(occupied: np.ndarray) -> np.ndarray:
    """Share of True in each cell."""
    if not occupied.size:
        return np.zeros((0, 0))
    row_edges, column_edges = map(_edges, occupied.shape, _cell(occupied.shape))
    # Counting strip by strip is many times as fast as one reduction over strips of booleans.
    strips = itertools.pairwise(row_edges)
    counts = np.stack([np.count_nonzero(occupied[start:end], axis=0) for start, end in strips])
    counts = np.add.reduceat(counts, column_edges[:-1], axis=1)
    cells: np.ndarray = counts / np.outer(np.diff(row_edges), np.diff(column_edges))
    return cells


def _cell(shape: tuple[int, ...]) -> tuple[int, int]:
    """Elements (high, wide) that share a cell: as few as the picture allows, about square."""
    height, width = (-(-size // LONGEST) for size in shape)
    while -(-shape[0] // height) * -(-shape[1] // width) > CELLS:
        if height <= width:
            height += 1
        else:
            width += 1
    return height, width


def _edges(size: int, step: int) -> np.ndarray:
    """Where cells begin, and where the last one ends."""
    return np.array([*range(0, size, step), size])


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
