"""Where the non-zeros of a kernel are, as a small picture.

A kernel is looked at as its matrix (out, in), row 0 on top, the matrices of a
grouped kernel below each other. A picture holds the share of non-zeros in each
of its cells (`shares.py`). In a large kernel the blocks are far smaller than a
cell, so `corner` shows the first elements as they are.

A picture is stored as a PNG of one colour whose opacity is the share, so that
it can be read on light and on dark ground. Opacity is the square root of the
share: at 95% sparsity the cells would be all but invisible otherwise.
"""

from __future__ import annotations

import base64
import dataclasses
import struct
import zlib

import numpy as np

from tfsparse.pruning.shares import shares

CORNER = 48
_LEVELS = 32
COLOUR = (61, 125, 202)


@dataclasses.dataclass(frozen=True)
class MaskPicture:
    """Non-zeros of one kernel.

    Attributes:
        whole: uint8 array of shape ``(rows, columns)``, as large as `shares`
            makes it: the share of non-zeros in each cell, 255 for all.
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
        whole=np.rint(255.0 * shares(occupied)).astype(np.uint8),
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
    opaque = picture.astype(np.float64) / (1 if picture.dtype == np.bool_ else 255)
    levels = np.rint(np.sqrt(opaque) * (_LEVELS - 1)).astype(np.uint8)
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


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
