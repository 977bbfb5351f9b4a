"""The pictures of masks in a report's HTML."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import numpy as np

from tfsparse.pruning.report.kernel_sparsity import KernelSparsity
from tfsparse.pruning.report.mask_picture import data_url

# Pixels (width, height) that a picture may take, alone in its line and beside another.
_ALONE, _BESIDE = (300, 144), (144, 144)
# A kernel of few outputs is stretched to this height, or it would be a line.
_LEAST = 30

_LEGEND = (
    "Each kernel as a matrix, outputs down and inputs across. The colour of a cell is its share "
    'of non-zeros, from 0% <span class="ramp"></span> to 100%. After a kernel with more elements '
    "than its picture has cells come its first elements, one by one."
)


def mask_section(kernels: Sequence[KernelSparsity], is_page: bool) -> str:
    """A picture of every mask, opened in a page and folded in a notebook.

    Args:
        kernels: Rows of the report.
        is_page: Whether the markup is a page of its own, which the table links into.

    Returns:
        The HTML.
    """
    cards = "\n".join(_card(number, kernel, is_page) for number, kernel in enumerate(kernels))
    return (
        f"<details{' open' if is_page else ''}><summary>Masks</summary><p>{_LEGEND}</p>"
        f'<div class="masks">{cards}</div></details>'
    )


def _card(number: int, kernel: KernelSparsity, is_page: bool) -> str:
    anchor = f' id="kernel-{number}"' if is_page else ""
    rows, columns = kernel.picture.shape
    pattern = kernel.pattern or "no zeros"
    facts = f"{pattern} · {rows} by {columns} · {kernel.element_sparsity:.1%} zero"
    name = escape(kernel.layer)
    return (
        f'<figure{anchor}><figcaption><b title="{name}">{name}</b><br>{facts}</figcaption>'
        f'<div class="pictures">{_pictures(kernel)}</div></figure>'
    )


def _pictures(kernel: KernelSparsity) -> str:
    picture = kernel.picture
    if not picture.whole.size:
        return ""
    what = f"mask of {kernel.layer}"
    if not picture.is_reduced:
        return _image(picture.whole, picture.shape, _ALONE, what)
    corner = picture.corner
    is_flat = picture.shape[1] > 2 * picture.shape[0]
    return _image(picture.whole, picture.shape, _ALONE if is_flat else _BESIDE, what) + _image(
        corner, corner.shape, _BESIDE, f"first elements of the {what}"
    )


def _image(picture: np.ndarray, shape: tuple[int, ...], box: tuple[int, int], what: str) -> str:
    width, height = _fitted(shape, box)
    return f'<img src="{data_url(picture)}" width="{width}" height="{height}" alt="{escape(what)}">'


def _fitted(shape: tuple[int, ...], box: tuple[int, int]) -> tuple[int, int]:
    """Pixels (width, height) of a picture; the same whole number for every element if it can be."""
    scale = min(box[0] / shape[1], box[1] / shape[0])
    if scale >= 1:
        scale = int(scale)
    return max(_LEAST, round(shape[1] * scale)), max(_LEAST, round(shape[0] * scale))
