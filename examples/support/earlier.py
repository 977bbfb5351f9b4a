"""Reads what an earlier RESULTS.md says, so that what was not run here stays as it was.

Results of runs are kept in artifacts/, which is no part of the repository: another checkout has
none, and runs only a few of the rows.
"""

from __future__ import annotations

Table = dict[str, dict[str, str]]


def sections(text: str, level: int = 2) -> dict[str, str]:
    """Bodies of the parts of a Markdown text by their titles, without blank ends.

    Args:
        text: The text.
        level: That of the titles: 2 for "## Title".
    """
    parts = f"\n{text}".split(f"\n{'#' * level} ")[1:]
    pairs = (part.partition("\n") for part in parts)
    return {title.strip(): body.strip() for title, _, body in pairs}


def table(text: str, keys: int = 1) -> Table:
    """The first table of a Markdown text: for each row's name, cells by column.

    Args:
        text: The text.
        keys: How many cells name a row; " | " is between them.
    """
    lines = text.splitlines()
    start = next((i for i, line in enumerate(lines) if line.startswith("|")), len(lines))
    rows = []
    for line in lines[start:]:
        if not line.startswith("|"):
            break
        rows.append([cell.strip() for cell in line.strip().strip("|").split("|")])
    columns = rows[0] if rows else []
    return {" | ".join(row[:keys]): dict(zip(columns, row, strict=False)) for row in rows[2:]}
