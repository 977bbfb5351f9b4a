"""The report of a conversion as a table that fits the screen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tfsparse.cli.screen import Screen

if TYPE_CHECKING:
    from tfsparse.conversion import ConversionReport
    from tfsparse.conversion.report import OpReport

HEADS = ("layer", "(out, in)", "zeros", "block", "in", "faster", "error", "why")


def show_report(report: ConversionReport, screen: Screen) -> None:
    """Prints the report, and the sentences that belong to it."""
    from tfsparse.conversion.report import whole_layer_lines

    heads = HEADS if screen.is_wide else HEADS[:-1]
    screen.table(
        "",
        heads,
        [row(op)[: len(heads)] for op in report],
        left=["layer", "in", "why"],
        styles=[None if op.converted else "dim" for op in report],
    )
    if not screen.is_wide:
        screen.reasons([op.layer, op.reason] for op in report if not op.converted)
    converted = sum(op.converted for op in report)
    screen.say(f"{converted} of {len(report)} products converted.")
    for line in (*whole_layer_lines(report.whole_layers), *report.notes):
        screen.say(line)


def row(op: OpReport) -> list[str]:
    """The cells of a product."""
    chain = f"; runs as one op with {len(op.chain) - 1} others" if len(op.chain) > 1 else ""
    return [
        op.layer,
        str(op.shape) if op.shape else "-",
        "-" if op.zeros is None else f"{op.zeros:.1%}",
        op.block or "-",
        op.precision or "-",
        "-" if op.speedup is None else f"{op.speedup:.1f}x",
        "-" if op.error is None else f"{op.error:.2%}",
        op.reason + chain,
    ]
