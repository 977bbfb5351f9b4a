"""The report of a conversion as a web page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tfsparse.cli import agreement, pages, report_table
from tfsparse.cli.agreement import Agreement
from tfsparse.conversion import ConversionReport


def conversion_page(
    report: ConversionReport, agreements: Sequence[Agreement] | None, precision: str
) -> str:
    """The page.

    Args:
        report: The report.
        agreements: Outputs beside those of the source, or None.
        precision: What was asked for.
    """
    return pages.page(f"tfsparse convert to {precision}", _parts(report, agreements))


def _parts(report: ConversionReport, agreements: Sequence[Agreement] | None) -> Iterator[str]:
    ops = list(report)
    converted = sum(op.converted for op in ops)
    yield pages.paragraph(f"{converted} of {len(ops)} products converted.", "lead")
    for note in report.notes:
        yield pages.paragraph(note)
    if agreements:
        yield pages.heading("Outputs beside those of the source")
        yield pages.table(agreement.HEADS, agreement.rows(agreements), left=["output"])
    yield pages.heading("Products and convolutions")
    yield pages.table(
        report_table.HEADS,
        [report_table.row(op) for op in ops],
        left=["layer", "in", "why"],
        styles=["" if op.converted else "stays" for op in ops],
    )
