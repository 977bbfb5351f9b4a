"""The table on the screen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.table import Table

_NUMBERS = ("converted", "difference", "MB before", "after", "peak MB", "over size", "seconds")


def table(rows: Sequence[Mapping[str, Any]]) -> Table:
    """One line for each row; a refused model says why."""
    caption = (
        "difference: greatest, over the greatest result; peak MB: memory of the conversion beyond "
        "what loading the source takes; over size: the same over the source's size"
    )
    result = Table(title="Conversions", caption=caption, title_justify="left")
    result.caption_justify = "left"
    result.add_column("model", no_wrap=True)
    result.add_column("precision", no_wrap=True)
    for name in _NUMBERS:
        result.add_column(name, justify="right", no_wrap=True)
    result.add_column("refused", overflow="fold")
    for row in rows:
        result.add_row(*_cells(row), style="red" if row["error"] else "")
    return result


def _cells(row: Mapping[str, Any]) -> list[str]:
    of_all = "" if row["products"] is None else f"{row['converted']} of {row['products']}"
    return [
        row["model"],
        row["precision"],
        of_all,
        _number(row["difference"], ".1e"),
        _number(row["mb_before"], ".2f"),
        _number(row["mb_after"], ".2f"),
        _number(row["peak_mb"], ".0f"),
        _number(row["peak_over_size"], ".1f", "x"),
        _number(row["seconds"], ".1f"),
        row["error"] or "",
    ]


def _number(value: float | None, form: str, unit: str = "") -> str:
    return "" if value is None else f"{value:{form}}{unit}"
