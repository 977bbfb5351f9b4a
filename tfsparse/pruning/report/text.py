"""A report as a table of characters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tfsparse.pruning.report.kernel_sparsity import KernelSparsity

if TYPE_CHECKING:
    from tfsparse.pruning.report.sparsity_report import SparsityReport

NUMBERS = ("target", "elements", "blocks", "groups", "size", "packed")


def report_text(report: SparsityReport) -> str:
    """The report as it is printed.

    Args:
        report: The report.

    Returns:
        Lines of text, without a line break at the end.
    """
    lines = ["No layer is pruned."]
    if report.kernels:
        columns = shown_columns(report.kernels)
        rows = [cells(kernel) for kernel in report.kernels]
        lines = table([columns, *([row[name] for name in columns] for row in rows)])
        lines.append(
            f"total sparsity of these kernels: {report.total_sparsity:.2%}; "
            f"{size(report.total_bytes)}, {size(report.total_packed_bytes)} packed"
        )
    if report.skipped:
        lines.append("skipped:")
        width = max(map(len, report.skipped))
        lines += [f"  {name.ljust(width)}  {reason}" for name, reason in report.skipped.items()]
    return "\n".join([*lines, *report.notes])


def share(value: float | None) -> str:
    """A share in percent; a dash for None."""
    return "-" if value is None else f"{value:.2%}"


def size(count: int) -> str:
    """A number of bytes, readable.

    >>> size(1536), size(96)
    ('1.5 KiB', '96 B')
    """
    if count < 1024:
        return f"{count} B"
    amount, unit = float(count), ""
    for unit in ("KiB", "MiB", "GiB", "TiB"):  # noqa: B007
        amount /= 1024
        if amount < 999.95:
            break
    return f"{amount:.1f} {unit}"


def table(rows: Sequence[Sequence[str]]) -> list[str]:
    """Lines of a table with its heads in the first row; numbers stand to the right."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = []
    for row in rows:
        aligned = [
            text.rjust(width) if head in NUMBERS else text.ljust(width)
            for head, text, width in zip(rows[0], row, widths, strict=True)
        ]
        lines.append("  ".join(aligned).rstrip())
    return lines


def shown_columns(kernels: Sequence[KernelSparsity]) -> tuple[str, ...]:
    """Names of the columns that these kernels need."""
    groups = ("groups",) if any(kernel.conforming is not None for kernel in kernels) else ()
    source = () if {kernel.source for kernel in kernels} == {"tfsparse"} else ("source",)
    dtype = () if {kernel.dtype for kernel in kernels} == {"float32"} else ("dtype",)
    columns = ("layer", "pattern", "shape", "target", "elements", "blocks")
    return (*columns, *groups, *dtype, "size", "packed", *source)


def cells(kernel: KernelSparsity) -> dict[str, str]:
    """What stands in each column for a kernel."""
    return {
        "layer": kernel.layer,
        "pattern": kernel.pattern or "-",
        "shape": str(kernel.shape),
        "target": share(kernel.target),
        "elements": share(kernel.element_sparsity),
        "blocks": share(kernel.block_sparsity),
        "groups": share(kernel.conforming),
        "dtype": kernel.dtype,
        "size": size(kernel.bytes),
        "packed": size(kernel.packed_bytes),
        "source": kernel.source,
    }
