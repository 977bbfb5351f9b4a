"""Where the examples find their data and keep what they have computed."""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parent.parent.parent
DEFAULT_DATA = REPOSITORY.parent / "shared" / "data"
ARTIFACTS = REPOSITORY / "artifacts"


def add_data_argument(parser: argparse.ArgumentParser) -> None:
    """Adds `--data`, the folder that holds the data sets."""
    parser.add_argument(
        "--data",
        type=Path,
        default=Path(os.environ.get("TFSPARSE_DATA", DEFAULT_DATA)),
        help="folder with the data sets, one folder each; or set TFSPARSE_DATA (%(default)s)",
    )


def data_file(root: Path, name: str) -> Path:
    """A file of a data set; ends the program with what to do where it is absent."""
    path = root / name
    if not path.is_file():
        sys.exit(
            f"There is no {name} in {root}.\n"
            "Name the folder that holds the data sets with --data FOLDER or TFSPARSE_DATA=FOLDER; "
            "examples/README.md says what has to lie there."
        )
    return path


def write_text(path: Path, text: str) -> None:
    """Writes beside the file and renames, so that no reader sees half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(path.name + ".tmp")
    unfinished.write_text(text)
    unfinished.replace(path)


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Writes a JSON file in one piece."""
    write_text(path, json.dumps(content, indent=2) + "\n")
