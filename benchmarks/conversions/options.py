"""The command line."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import psutil

from benchmarks.conversions import registry
from benchmarks.harness.arguments import comma_separated, one_of

PRECISIONS = ["fp32", "bf16", "int8"]
SHARE_OF_MEMORY = 0.9

_DESCRIPTION = """\
Converts many kinds of models, and says what came of each.

Every step runs in a process of its own: the model is built and saved, loaded alone, converted by
tfsparse.export from its SavedModel, and compared with its source, each signature called twice on
random inputs. A model that is refused has the first line of the error in its row, and the command
goes on. INT8 is calibrated with 64 random examples.

Models, those with * only if they are named:
{models}
"""
_EXAMPLES = """\
examples:
  python -m benchmarks.conversions                                # all small ones, in float32
  python -m benchmarks.conversions --precisions fp32,bf16,int8 --json conversions.json
  python -m benchmarks.conversions --models hub_bert,tf1_saved_model
  python -m benchmarks.conversions --models bert_large,dlrm_tables --precisions int8 --memory 16
"""


def parser() -> argparse.ArgumentParser:
    """The command line."""
    models = registry.models()
    lines = [f"  {m.name:18}{'*' if m.is_large else ' '} {m.about}" for m in models.values()]
    small = [model.name for model in models.values() if not model.is_large]
    result = argparse.ArgumentParser(
        prog="python -m benchmarks.conversions",
        description=_DESCRIPTION.format(models="\n".join(lines)),
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = result.add_argument
    add("--models", type=comma_separated(_model(list(models))), default=small, metavar="A,B",
        help="which (all without *)")  # fmt: skip
    add("--precisions", type=comma_separated(one_of(PRECISIONS)), default=["fp32"], metavar="A,B",
        help=f"of {', '.join(PRECISIONS)} (fp32)")  # fmt: skip
    add("--memory", type=float, metavar="GB",
        default=SHARE_OF_MEMORY * psutil.virtual_memory().available / 1e9,
        help="at which a step is ended (most of what is available: %(default).1f)")  # fmt: skip
    add("--json", type=Path, metavar="FILE", help="also write the rows there")
    return result


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """Reads the command line."""
    return parser().parse_args(arguments)


def _model(known: list[str]) -> Callable[[str], str]:
    """A name, or ``"module:name"``."""
    named = one_of(known)
    return lambda text: text if ":" in text else named(text)
