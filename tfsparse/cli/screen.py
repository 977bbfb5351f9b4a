"""What a command prints: tables for a reader, or JSON for a program; progress goes to stderr."""

from __future__ import annotations

import contextlib
import json
import shutil
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

MAX_WIDTH = 120
"""Columns where there is no terminal, such as in a file."""


def width() -> int:
    """Columns of the terminal."""
    return shutil.get_terminal_size((MAX_WIDTH, 24)).columns


class Screen:
    """Where a command prints.

    Args:
        as_json: Whether it prints one JSON object, and nothing for a reader.
    """

    def __init__(self, as_json: bool) -> None:
        from rich.console import Console

        self.as_json = as_json
        self._out = Console(highlight=False, width=width())
        self._err = Console(stderr=True, highlight=False)

    def say(self, text: str, style: str | None = None) -> None:
        """Prints a paragraph for a reader."""
        if not self.as_json:
            self._out.print(text, style=style, markup=False)

    def table(
        self,
        title: str,
        heads: Sequence[str],
        rows: Iterable[Sequence[str]],
        left: Sequence[str] = (),
        styles: Sequence[str | None] = (),
    ) -> None:
        """Prints a table for a reader.

        Args:
            title: What it shows.
            heads: Heads of the columns.
            rows: The cells.
            left: Heads of the columns that hold texts; others hold numbers.
            styles: Style of each row.
        """
        if self.as_json:
            return
        from rich import box
        from rich.table import Table
        from rich.text import Text

        table = Table(
            title=title or None,
            box=box.SIMPLE_HEAD,
            title_justify="left",
            pad_edge=False,
            show_edge=False,
        )
        table.title_style = "bold"
        for head in heads:
            is_text = head in left
            table.add_column(
                head,
                justify="left" if is_text else "right",
                no_wrap=not is_text,
                overflow="fold",
            )
        for place, row in enumerate(rows):
            style = styles[place] if place < len(styles) else None
            table.add_row(*map(Text, row), style=style)
        self._out.print(table)
        self._out.print()

    def json(self, content: Any) -> None:
        """Prints JSON if that was asked for."""
        if self.as_json:
            print(json.dumps(content, indent=1, allow_nan=False))

    @contextlib.contextmanager
    def progress(self, text: str) -> Iterator[None]:
        """Shows what takes long, while it does."""
        if not self._err.is_terminal:
            yield
            return
        with self._err.status(text):
            yield
