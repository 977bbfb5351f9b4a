"""The command line."""

from __future__ import annotations

import argparse
from pathlib import Path

from benchmarks.harness.arguments import block_sparsity, positive
from benchmarks.peers.engine import ENGINES
from benchmarks.peers.nets import NETS

SPARSITIES = ("dense", "4x1@0.8", "4x1@0.9", "16x4@0.85", "16x4@0.9")

_DESCRIPTION = """\
Times what tfsparse exports beside other engines, on the same networks with the same zeros.

Networks are perceptrons with ReLU: dlrm is 480-1024-1024-512-256-1, ffn256 is 256-1024-256,
ffn1024 is 1024-4096-1024. All engines read and give float32. Each peer is installed into an
environment of its own below .build/peers at the first run; one that cannot be is left out.

Every result is checked first. Then engines take turns, several each, and only the one whose turn
it is runs. vs_ours is an engine's median over that of tfsparse in INT8, called from Python:
above 1 it is slower than ours. tfsparse-c is the same model through TensorFlow's C API.

  python -m benchmarks.peers --quick                     # one network, a minute or two
  python -m benchmarks.peers --json peers.json           # everything, about ten minutes
  python -m benchmarks.peers --nets dlrm --batches 64 --sparsities dense 8x1@0.9 --threads 1
  python -m benchmarks.peers --engines tfsparse/int8 openvino/int8
"""


def parser() -> argparse.ArgumentParser:
    """The command line."""
    labels = [engine.label for engine in ENGINES]
    result = argparse.ArgumentParser(
        prog="python -m benchmarks.peers",
        description=_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = result.add_argument
    add("--nets", nargs="+", choices=list(NETS), default=list(NETS), help="which (all)")
    add("--engines", nargs="+", choices=labels, default=labels, metavar="ENGINE",
        help=f"which, of {', '.join(labels)} (all)")  # fmt: skip
    add("--sparsities", nargs="+", type=block_sparsity, default=[*map(block_sparsity, SPARSITIES)],
        metavar="SPARSITY", help=f"dense, or outputs x inputs @ zeros ({' '.join(SPARSITIES)})")  # fmt: skip  # noqa: E501
    add("--batches", nargs="+", type=positive, help="rows (1 64 2048 for dlrm, 128 3072 for ffn)")
    add("--threads", nargs="+", type=positive, default=[1, 2], help="threads of an engine (1 2)")
    add("--rounds", type=positive, default=5, help="turns of each engine (%(default)s)")
    add("--seconds", type=float, default=0.05, help="length of a turn (%(default)s)")
    add("--seed", type=int, default=0, help="of weights and inputs (%(default)s)")
    add("--quick", action="store_true", help="dlrm, dense and 4x1@0.9, batch 64, one thread")
    add("--no-install", dest="install", action="store_false", help="only peers that are installed")
    add("--json", type=Path, metavar="FILE", help="also write rows, machine and versions there")
    return result


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """Reads the command line; `--quick` overrides what it names."""
    options = parser().parse_args(arguments)
    if options.quick:
        options.nets, options.batches, options.threads = ["dlrm"], [64], [1]
        options.sparsities = [block_sparsity("dense"), block_sparsity("4x1@0.9")]
    return options
