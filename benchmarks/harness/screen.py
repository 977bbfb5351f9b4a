"""Tables on the screen."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

WIDTH = 150
"""Where there is no terminal, such as in a file."""


def show(table: Table) -> None:
    """Prints a table, as wide as it needs where nothing says how wide the screen is."""
    console = Console()
    if not console.is_terminal:
        console = Console(width=WIDTH)
    console.print(table)
