"""Trains, prunes, converts and serves a DLRM; see `python -m examples.dlrm --help`."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

EXAMPLES = """\
examples:
  # AUC and accuracy, dense and pruned, FP32 and INT8, of five seeds: some minutes
  python -m examples.dlrm train

  # the same from the public raw form
  python -m examples.dlrm train --raw --seeds 2

  # the same where data do not run short: clicks that a planted teacher draws
  python -m examples.dlrm train --source planted --seeds 3

  # queries a second under MLPerf's load generator, offline and as a server
  python -m examples.dlrm load --engines tfsparse-two,tfsparse-all,tensorflow --rows 10000

  # the memory that it takes to train, prune, convert and serve 1.33 GB of tables
  python -m examples.dlrm memory --rows 100000
"""
DATA = Path(__file__).resolve().parents[2].parent / "shared" / "data"


def parser() -> argparse.ArgumentParser:
    """The command line."""
    result = argparse.ArgumentParser(
        prog="python -m examples.dlrm",
        description=__doc__,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = result.add_subparsers(dest="command", required=True)
    train = commands.add_parser("train", help="train, prune, convert, score")
    train.add_argument(
        "--data", type=Path, default=Path(os.environ.get("TFSPARSE_DATA", DATA)),
        help="folder with the data sets (%(default)s)",
    )  # fmt: skip
    train.add_argument(
        "--source", choices=("criteo", "planted", "frappe"), default="criteo",
        help="where views come from (%(default)s)",
    )  # fmt: skip
    train.add_argument("--raw", action="store_true", help="read the public raw form of Criteo")
    train.add_argument(
        "--raw-rows", type=int, default=2000, help="rows of a table then (%(default)s)"
    )
    train.add_argument(
        "--views", type=int, default=100_000,
        help="to train on, of the planted source (%(default)s)",
    )  # fmt: skip
    train.add_argument("--epochs", type=int, help="of training (the source's own)")
    train.add_argument(
        "--pruning-epochs", type=int, help="of training on, pruned or not (the source's own)"
    )
    train.add_argument("--seeds", type=int, default=5, help="how many (%(default)s)")
    train.add_argument("--first-seed", type=int, default=0, help="(%(default)s)")
    train.add_argument("--json", type=Path, help="also write the rows there")
    load = commands.add_parser("load", help="serve under MLPerf's load generator")
    load.add_argument("--engines", default=None, help="names with commas between (all)")
    load.add_argument("--rows", type=int, default=10_000, help="rows of a table (%(default)s)")
    load.add_argument("--threads", type=int, default=os.cpu_count(), help="(%(default)s)")
    load.add_argument(
        "--workers", type=int, default=os.cpu_count(),
        help="batches at once, with a share of the threads each (%(default)s)",
    )  # fmt: skip
    load.add_argument("--seconds", type=float, default=10, help="of a run (%(default)s)")
    load.add_argument("--limit-ms", type=float, default=30, help="for 99%% (%(default)s)")
    load.add_argument("--skew", choices=("uniform", "zipf"), default="uniform")
    load.add_argument("--max-items", type=int, default=2048, help="of a batch (%(default)s)")
    load.add_argument("--folder", type=Path, default=None, help="for models (artifacts/dlrm)")
    load.add_argument("--json", type=Path, help="also write the rows there")
    memory = commands.add_parser("memory", help="train some steps, prune, convert, serve")
    memory.add_argument("--rows", type=int, default=100_000, help="rows of a table (%(default)s)")
    memory.add_argument("--serve-only", action="store_true", help="do not train")
    memory.add_argument("--folder", type=Path, default=None, help="for models (artifacts/dlrm)")
    return result


def main(arguments: list[str] | None = None) -> None:
    """Runs a command."""
    parsed = parser().parse_args(arguments)
    if parsed.command == "train":
        from . import training

        training.run(parsed)
    elif parsed.command == "load":
        from . import load

        load.run(parsed)
    else:
        from . import memory

        memory.run(parsed)


if __name__ == "__main__":
    main(sys.argv[1:])
