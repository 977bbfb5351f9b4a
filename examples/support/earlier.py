"""Reads what an earlier RESULTS.md says, so that what was not run here stays as it was.

Results of runs are kept in artifacts/, which is no part of the repository: another checkout has
none, and runs only a few of the rows.
"""

from __future__ import annotations

Table = dict[str, dict[str, str]]


def sections(text: str) -> dict[str, str]:
    """Bodies of the parts of a Markdown text by their titles ("## Title"), without blank ends."""
    parts = f"\n{text}".split("\n## ")[1:]
    pairs = (part.partition("\n") for part in parts)
    return {title.strip(): body.strip() for title, _, body in pairs}


def table(text: str) -> Table:
    """The first table of a Markdown text: for the first cell of each row, cells by column."""
    lines = text.splitlines()
    start = next((i for i, line in enumerate(lines) if line.startswith("|")), len(lines))
    rows = []
    for line in lines[start:]:
        if not line.startswith("|"):
            break
        rows.append([cell.strip() for cell in line.strip().strip("|").split("|")])
    columns = rows[0] if rows else []
    return {row[0]: dict(zip(columns, row, strict=False)) for row in rows[2:]}
