"""A report as HTML: a table with bars, and a picture of every mask.

All is in one piece: pictures are data, bars are SVG, there is no script. The
same markup is a page of its own and a cell of a notebook, so it takes the
colours of text and ground from what is around it, and its own are translucent
or of middle lightness: they can be read on light and on dark ground.
"""

from __future__ import annotations

from html import escape
from typing import Protocol

from tfsparse.pruning.report.kernel_sparsity import KernelSparsity
from tfsparse.pruning.report.page_masks import mask_section
from tfsparse.pruning.report.page_style import FRAGMENT_STYLE, PAGE_STYLE
from tfsparse.pruning.report.text import NUMBERS, cells, share, shown_columns, size

_EXPLAINED = {
    "target": "sparsity that the schedule ends with",
    "elements": "zero elements over all elements",
    "blocks": "share of elements that lie in all-zero blocks of the pattern",
    "groups": "share of groups of N inputs that keep at most K, for a pattern K:N",
    "size": "as the layer stores it",
    "packed": "with all-zero blocks left out, an index per block counted",
    "source": "who prunes the kernel",
}


class _Report(Protocol):
    """What a page needs of a `SparsityReport`."""

    @property
    def name(self) -> str: ...
    @property
    def kernels(self) -> tuple[KernelSparsity, ...]: ...
    @property
    def skipped(self) -> dict[str, str]: ...
    @property
    def notes(self) -> tuple[str, ...]: ...
    @property
    def total_sparsity(self) -> float: ...
    @property
    def total_bytes(self) -> int: ...
    @property
    def total_packed_bytes(self) -> int: ...


def report_page(report: _Report) -> str:
    """A report as a web page.

    Args:
        report: The report.

    Returns:
        The HTML of a whole page that loads nothing else.
    """
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark">'
        f"<title>{escape(_title(report))}</title><style>{PAGE_STYLE}</style></head>\n"
        f"<body>{_body(report, is_page=True)}</body></html>\n"
    )


def report_fragment(report: _Report) -> str:
    """A report as HTML to be shown within something else, such as a notebook."""
    return _body(report, is_page=False)


def _body(report: _Report, is_page: bool) -> str:
    parts = [f"<style>{FRAGMENT_STYLE}</style>", f"<h1>{escape(_title(report))}</h1>"]
    if report.kernels:
        parts += [_totals(report), _table(report.kernels, is_page)]
        parts.append(mask_section(report.kernels, is_page))
    else:
        parts.append("<p>No layer is pruned.</p>")
    if report.notes:
        parts.append("".join(f'<p class="note">{escape(note)}</p>' for note in report.notes))
    if report.skipped:
        parts.append(_skipped(report.skipped))
    return '<div class="tfsparse-report">' + "\n".join(parts) + "</div>"


def _title(report: _Report) -> str:
    return f"Sparsity of {report.name}" if report.name else "Sparsity"


def _totals(report: _Report) -> str:
    elements = sum(kernel.elements for kernel in report.kernels)
    packed, stored = report.total_packed_bytes, report.total_bytes
    tiles = [
        (share(report.total_sparsity), "of the elements are zero"),
        (f"{len(report.kernels)}", "kernel" if len(report.kernels) == 1 else "kernels"),
        (f"{elements:,}", "elements"),
        (size(stored), "as stored"),
        (size(packed), f"packed, {packed / max(1, stored):.0%}"),
    ]
    items = "".join(f"<li><b>{number}</b> {word}</li>" for number, word in tiles)
    return f'<ul class="totals">{items}</ul>'


def _table(kernels: tuple[KernelSparsity, ...], is_page: bool) -> str:
    columns = shown_columns(kernels)
    heads = "".join(
        f'<th class="{_side(name)}" title="{escape(_EXPLAINED.get(name, ""))}">{name}</th>'
        for name in columns
    )
    rows = []
    for number, kernel in enumerate(kernels):
        texts = {name: escape(text) for name, text in cells(kernel).items()}
        if is_page:
            texts["layer"] = f'<a href="#kernel-{number}">{texts["layer"]}</a>'
        row = "".join(f'<td class="{_side(name)}">{texts[name]}</td>' for name in columns)
        rows.append(f"<tr>{row}<td>{_bar(kernel)}</td></tr>")
    return (
        f"<table><thead><tr>{heads}<th>{_bar_legend()}</th></tr></thead>\n"
        "<tbody>" + "\n".join(rows) + "</tbody></table>"
    )


def _side(column: str) -> str:
    return "number" if column in NUMBERS else "word"


def _bar(kernel: KernelSparsity) -> str:
    """Sparsity from 0 to 100%: zeros pale, those in blocks full, the target a line."""
    in_blocks = kernel.element_sparsity if kernel.block_sparsity is None else kernel.block_sparsity
    parts = [
        '<rect class="track" width="100" height="10"/>',
        f'<rect class="zeros" width="{100 * kernel.element_sparsity:.2f}" height="10"/>',
        f'<rect class="blocks" width="{100 * in_blocks:.2f}" height="10"/>',
    ]
    if kernel.target is not None:
        place = f"{100 * kernel.target:.2f}"
        parts.append(f'<line class="target" x1="{place}" x2="{place}" y1="0" y2="10"/>')
    return (
        f'<svg class="bar" viewBox="0 0 100 10" preserveAspectRatio="none">{"".join(parts)}</svg>'
    )


def _bar_legend() -> str:
    return (
        '<span class="key blocks"></span>in blocks <span class="key zeros"></span>other zeros '
        '<span class="key target"></span>target'
    )


def _skipped(skipped: dict[str, str]) -> str:
    rows = "".join(
        f'<tr><td>{escape(name)}</td><td class="reason">{escape(reason)}</td></tr>'
        for name, reason in skipped.items()
    )
    return f"<details open><summary>Skipped</summary><table>{rows}</table></details>"
