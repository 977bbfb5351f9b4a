"""The command line."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.harness.arguments import comma_separated, one_of, positive, sparsity
from benchmarks.models import engine as engines
from benchmarks.models import registry

_DESCRIPTION = """\
Times whole models, exported by tfsparse, beside other engines on the same pruned weights.

Models:
{models}

A model is built with random weights, pruned once to each pattern, and saved. tfsparse exports the
SavedModel in each precision. TensorFlow runs it as it is. OpenVINO reads it, and for INT8 NNCF
quantizes it; ONNX Runtime reads what tf2onnx makes of it, and for INT8 its static quantization
quantizes that. DeepSparse reads the same, with integer products for INT8. All calibrate with the
same data. Each peer is installed into an environment of its own below .build/peers at the first
run; one that cannot be is left out.

Every result is compared with the source's first; the column error is the root of the mean squared
difference over the spread of the source's results. Then engines take turns, and only the one whose
turn it is runs. vs_ours is an engine's median over that of tfsparse in the same precision, or in
the first of --precisions where that was not timed: above 1 it is slower than ours.
"""
_EXAMPLES = """\
examples:
  # one model, a few minutes
  python -m benchmarks.models --models bert_mini --precisions int8 --batches 1 --threads 1

  # two patterns, all precisions, two engines besides TensorFlow
  python -m benchmarks.models --models bert_mini,mixer --patterns 4x1@0.9,16x4@0.85,2:4 \\
      --engines tfsparse,tensorflow,openvino --json models.json

  # OpenVINO's bfloat16 beside our INT8
  python -m benchmarks.models --models bert_base --precisions int8 \\
      --engines tfsparse,openvino,openvino/bf16

  # where our time goes, without any peer
  python -m benchmarks.models --models tfk_transformer --engines tfsparse,tensorflow --profile
"""


def parser() -> argparse.ArgumentParser:
    """The command line."""
    known = registry.names()
    models = "\n".join(f"  {name:16} {registry.find(name).about}" for name in known)
    result = argparse.ArgumentParser(
        prog="python -m benchmarks.models",
        description=_DESCRIPTION.format(models=models),
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    labels = [engine.label for engine in engines.ENGINES]
    names = engines.names()
    default = [name for name in known if registry.find(name).by_default]

    def add_list(flag: str, each: Callable[[str], Any], default: Any, help_: str) -> None:
        kind = comma_separated(each)
        result.add_argument(flag, type=kind, default=default, metavar="A,B", help=help_)

    add_list("--models", one_of_models(known), default,
             f"which (all but {', '.join(sorted(set(known) - set(default)))})")  # fmt: skip
    add_list("--patterns", sparsity, [sparsity("4x1@0.9")],
             "zeros: dense, AxB@SHARE (outputs by inputs) or K:N (4x1@0.9)")  # fmt: skip
    add_list("--precisions", one_of(list(engines.PRECISIONS)), list(engines.PRECISIONS),
             "what is exported and which peers run: int8, bf16, fp32 (all)")  # fmt: skip
    add_list("--batches", positive, None, "rows (each model's own)")
    add_list("--threads", positive, [1, 2], "threads of an engine (1,2)")
    add_list("--engines", one_of([*names, *labels]), names,
             f"which, of {', '.join(names)}, or one precision of them, such as openvino/bf16 (all)")  # fmt: skip  # noqa: E501
    add = result.add_argument
    add("--rounds", type=positive, default=5, help="turns of each engine (%(default)s)")
    add("--seconds", type=float, default=0.5, metavar="S", help="length of a turn (%(default)s)")
    add("--seed", type=int, default=0, help="of weights and inputs (%(default)s)")
    add("--profile", action="store_true", help="also print where our time goes, by type of op")
    add("--no-install", dest="install", action="store_false", help="only peers that are installed")
    add("--json", type=Path, metavar="FILE", help="also write the rows there")
    return result


def one_of_models(known: list[str]) -> Callable[[str], str]:
    """Names of `zoo/`, or dotted modules with a `MODEL`."""
    named = one_of(known)
    return lambda text: text if "." in text else named(text)


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """Reads the command line."""
    return parser().parse_args(arguments)
