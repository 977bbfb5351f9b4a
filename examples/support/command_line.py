"""Arguments that all programs which prune a model have."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

from support.locations import add_data_argument, write_json

PRECISIONS = ("int8", "bf16", "fp32")


def add_pruning(
    parser: argparse.ArgumentParser, pattern: str, sparsity: float, taught: str = "logits"
) -> None:
    """Adds what to prune and what to learn from the dense model meanwhile.

    Args:
        parser: The parser.
        pattern: The default.
        sparsity: Likewise.
        taught: What the pruned model learns from the dense one.
    """
    parser.add_argument(
        "--pattern", default=pattern, help='"4x1", "2:4" or another; "dense" trains on unpruned'
    )
    parser.add_argument("--sparsity", type=float, default=sparsity)
    parser.add_argument("--group-lasso", type=float, default=0.0, help="strength")
    parser.add_argument(
        "--lasso-form",
        choices=("penalty", "proximal"),
        default="penalty",
        help="added to the loss, or taken off the weights after each step",
    )
    parser.add_argument(
        "--distill", type=float, default=1.0, help=f"weight of the dense model's {taught}"
    )


def add_ranking(parser: argparse.ArgumentParser) -> None:
    """Adds how blocks are ranked."""
    parser.add_argument("--criterion", default="gradient_momentum", help="as in prune_block")
    parser.add_argument("--scope", default="global", help="likewise")


def add_serving(parser: argparse.ArgumentParser) -> None:
    """Adds whether the result is exported."""
    parser.add_argument(
        "--serve",
        nargs="?",
        const=PRECISIONS[0],
        choices=PRECISIONS,
        help="also export, score and time the SavedModel, in this precision (%(const)s)",
    )
    parser.add_argument("--keep", type=Path, help="folder to keep the SavedModels in")


def add_rest(parser: argparse.ArgumentParser) -> None:
    """Adds the seed, further options of pruning, and where data are and the result goes."""
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--options", default="{}", help="more for prune_block, as JSON")
    parser.add_argument("--json", type=Path, help="file for the result")
    add_data_argument(parser)


def run_program(
    run: Callable[[argparse.Namespace], dict[str, Any]], arguments: argparse.Namespace
) -> None:
    """Runs a job and writes its result where the arguments say."""
    result = run(arguments)
    if arguments.json:
        write_json(arguments.json, result)
