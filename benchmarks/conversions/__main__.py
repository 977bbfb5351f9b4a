"""Converts many kinds of models; see `--help`."""

from __future__ import annotations

import os
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")

from benchmarks.conversions import options, table
from benchmarks.conversions import row as rows_of
from benchmarks.harness import screen
from benchmarks.harness.json_file import write_json
from benchmarks.harness.starting import say


def main(arguments: list[str] | None = None) -> list[dict[str, Any]]:
    """Runs the command.

    Args:
        arguments: The command line.

    Returns:
        What ``--json`` writes.
    """
    chosen = options.parse(arguments)
    result = []
    for name in chosen.models:
        say(f"converting {name}")
        for row in rows_of.rows(name, chosen.precisions, chosen.memory * 1e9):
            result.append(row)
            if chosen.json:
                write_json(chosen.json, result)
    screen.show(table.table(result))
    return result


if __name__ == "__main__":
    main()
