"""Web pages of reports, in the style of the report on sparsity: one file each, which loads nothing.

Bars are SVG and pictures are data. The colours are translucent or of middle lightness, so a page
can be read on light and on dark ground.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

import numpy as np

from tfsparse.pruning.report.mask_picture import data_url, mask_picture
from tfsparse.pruning.report.page_style import FRAGMENT_STYLE, PAGE_STYLE
from tfsparse.pruning.report.whole_file import write_whole

_STYLE = """
.tfsparse-report .lead { font-size: 1.1em; max-width: 60em; }
.tfsparse-report .stays { opacity: .6; }
.tfsparse-report .wide { width: 45%; }
.tfsparse-report td.name { max-width: 24em; overflow: hidden; text-overflow: ellipsis; }
"""
_BOX = 144
"""Pixels of a picture's longer side; a kernel of few outputs is stretched to `_LEAST`."""
_LEAST = 24


def page(title: str, parts: Iterable[str]) -> str:
    """A whole page.

    Args:
        title: Its title and first heading.
        parts: The HTML of its parts.
    """
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{PAGE_STYLE}{FRAGMENT_STYLE}{_STYLE}</style></head>\n"
        f'<body><div class="tfsparse-report"><h1>{escape(title)}</h1>\n'
        + "\n".join(parts)
        + "</div></body></html>\n"
    )


def paragraph(text: str, style: str = "") -> str:
    """A paragraph."""
    return f'<p class="{style}">{escape(text)}</p>'


def heading(text: str) -> str:
    """The heading of a part."""
    return f"<h2>{escape(text)}</h2>"


def table(
    heads: Sequence[str],
    rows: Iterable[Sequence[str]],
    left: Sequence[str] = (),
    styles: Sequence[str] = (),
) -> str:
    """A table.

    Args:
        heads: Heads of the columns.
        rows: The cells.
        left: Heads of the columns that hold texts; the last of those may be long.
        styles: Class of each row.
    """
    kinds = ["" if head in left else "number" for head in heads]
    if left:
        kinds[heads.index(left[0])] = "name"
        kinds[heads.index(left[-1])] = "reason" if len(left) > 1 else "name"
    head = "".join(
        f'<th class="{"number" * (kind == "number")}">{escape(text)}</th>'
        for kind, text in zip(kinds, heads, strict=True)
    )
    body = "\n".join(
        f'<tr class="{styles[place] if place < len(styles) else ""}">'
        + "".join(
            f'<td class="{kind}" title="{escape(text)}">{escape(text)}</td>'
            for kind, text in zip(kinds, row, strict=True)
        )
        + "</tr>"
        for place, row in enumerate(rows)
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def bars(rows: Sequence[tuple[str, float, float]], unit: str, digits: int = 3) -> str:
    """Bars of a value before (light) and after (full), one row for each.

    Args:
        rows: Name, the value before, the value after.
        unit: Of the values.
        digits: Behind the point.
    """
    longest = max((max(before, after) for _, before, after in rows), default=0.0) or 1.0
    lines = []
    for name, before, after in rows:
        widths = (1000 * before / longest, 1000 * after / longest)
        lines.append(
            f'<tr><td class="name" title="{escape(name)}">{escape(name)}</td>'
            f'<td class="number">{before:.{digits}f}</td><td class="number">{after:.{digits}f}</td>'
            '<td class="wide"><svg class="bar" viewBox="0 0 1000 12" preserveAspectRatio="none" '
            'aria-hidden="true"><rect class="track" width="1000" height="12"/>'
            f'<rect class="zeros" width="{widths[0]:.1f}" height="12"/>'
            f'<rect class="blocks" y="3" width="{widths[1]:.1f}" height="6"/></svg></td></tr>'
        )
    unit = escape(unit)
    return (
        f'<table><thead><tr><th></th><th class="number">now, {unit}</th>'
        f'<th class="number">predicted, {unit}</th>'
        '<th><span class="key zeros" style="margin-left:0"></span>now'
        '<span class="key blocks" style="margin-left:.8em"></span>predicted</th></tr></thead>'
        f"<tbody>{''.join(lines)}</tbody></table>"
    )


def masks(cards: Iterable[tuple[str, str, np.ndarray]]) -> str:
    """Pictures of where weights are not zero.

    Args:
        cards: Name, facts, and a bool array of shape ``(out, in)``, for each.
    """
    figures = "\n".join(_figure(*card) for card in cards)
    return (
        "<p>Each kernel as a matrix, outputs down and inputs across. The colour of a cell is its "
        'share of non-zeros, from 0% <span class="ramp"></span> to 100%. Beside it are its first '
        f'elements, one by one.</p><div class="masks">{figures}</div>'
    )


def _figure(name: str, facts: str, nonzeros: np.ndarray) -> str:
    picture = mask_picture(nonzeros[None])
    images = [(picture.whole, picture.shape)]
    if picture.is_reduced:
        images.append((picture.corner, picture.corner.shape))
    tags = "".join(_image(array, shape, name) for array, shape in images if array.size)
    return (
        f'<figure><figcaption><b title="{escape(name)}">{escape(name)}</b><br>{escape(facts)}'
        f'</figcaption><div class="pictures">{tags}</div></figure>'
    )


def _image(array: np.ndarray, shape: tuple[int, ...], name: str) -> str:
    scale = _BOX / max(shape)
    height, width = (max(_LEAST, round(scale * size)) for size in shape)
    return (
        f'<img src="{data_url(array)}" width="{width}" height="{height}" '
        f'alt="non-zeros of {escape(name)}">'
    )


def write(path: str, text: str) -> None:
    """Writes a page, whole or not at all."""
    write_whole(path, text.encode())
