"""What a command prints: tables for a reader, or JSON for a program; progress goes to stderr."""

from __future__ import annotations

import contextlib
import json
import shutil
import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

MAX_WIDTH = 120
"""Columns where there is no terminal, such as in a file."""

_WIDE = 110


def width() -> int:
    """Columns of the terminal."""
    return shutil.get_terminal_size((MAX_WIDTH, 24)).columns


class Screen:
    """Where a command prints.

    Attributes:
        width: Columns that there are.

    Args:
        as_json: Whether it prints one JSON object, and nothing for a reader.
    """

    def __init__(self, as_json: bool) -> None:
        from rich.console import Console

        self.as_json = as_json
        self.width = width()
        self._stdout = sys.stdout
        self._out = Console(file=self._stdout, highlight=False, width=self.width)
        self._err = Console(stderr=True, highlight=False)

    @property
    def is_wide(self) -> bool:
        """Whether there is room for a column of sentences."""
        return self.width >= _WIDE

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

        table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False)
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
        if title:
            self.say(title)
        self._out.print(table)
        self._out.print()

    def reasons(self, rows: Iterable[Sequence[str]]) -> None:
        """Prints a name and a sentence for each row, where there is no column for them."""
        if self.as_json:
            return
        from rich.table import Table
        from rich.text import Text

        table = Table.grid(padding=(0, 2))
        for row in rows:
            table.add_row(*map(Text, row))
        if table.row_count:
            self._out.print(table)
            self._out.print()

    def json(self, content: Any) -> None:
        """Prints JSON if that was asked for."""
        if self.as_json:
            print(json.dumps(content, indent=1, allow_nan=False), file=self._stdout, flush=True)

    @contextlib.contextmanager
    def progress(self, text: str) -> Iterator[None]:
        """Shows what takes long, while it does."""
        if not self._err.is_terminal:
            yield
            return
        with self._err.status(text):
            yield
