"""`tfsparse prune`: zeros at once and without training, to see what speed they would give."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from absl import flags

from tfsparse.cli import exit_codes
from tfsparse.cli.command import Command, CommandError
from tfsparse.cli.model_files import is_keras_file, load_keras

if TYPE_CHECKING:
    from tfsparse.cli.screen import Screen


def _define(values: flags.FlagValues) -> None:
    flags.DEFINE_string(
        "pattern", "4x1", "AxB (outputs by inputs), K:N or channel.", flag_values=values
    )
    flags.DEFINE_float(
        "sparsity", 0.8, "Share of zeros.", lower_bound=0.0, upper_bound=1.0, flag_values=values
    )
    flags.DEFINE_list(
        "exclude", [], "Names of layers that stay dense; * is any text.", flag_values=values
    )
    flags.DEFINE_bool("overwrite", False, "Replace OUT if it is there.", flag_values=values)


def _run(values: flags.FlagValues, positional: list[str], screen: Screen) -> int:
    from tfsparse.index import OneShot, prune_block, sparsity_report, strip_pruning

    source, out = positional
    for name, path in {"MODEL": source, "OUT": out}.items():
        if not is_keras_file(path):
            raise CommandError(
                f"{name} should be a .keras or .h5 file. Received: {path}", exit_codes.REFUSED
            )
    if Path(out).exists() and not values.overwrite:
        raise CommandError(
            f"OUT should not be there yet, or --overwrite be given. Received: {out}",
            exit_codes.REFUSED,
        )
    with screen.progress("loading the model"):
        model = load_keras(source)
    with screen.progress("pruning"):
        schedule = OneShot(values.sparsity)
        pruned = prune_block(model, values.pattern, schedule, exclude=values.exclude)
        report = sparsity_report(pruned)
        _save(strip_pruning(pruned), out)
    screen.say(str(report))
    screen.say(
        f"\n{out} was pruned at once, by magnitude and without training: it shows what speed such "
        "zeros give, and its accuracy means nothing. Train with tfsparse.prune_block to keep it.",
        style="bold",
    )
    screen.json(report.as_dict() | {"path": out})
    return exit_codes.OK


def _save(model: Any, out: str) -> None:
    """Writes beside the file and renames, so that an interrupted command leaves nothing."""
    parent = Path(out).resolve().parent
    parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".tfsparse-", dir=parent) as folder:
        unfinished = str(Path(folder) / Path(out).name)
        model.save(unfinished)
        os.replace(unfinished, out)  # noqa: PTH105


COMMAND = Command(
    name="prune",
    summary="Makes zeros at once, to try what speed a pattern would give. It does not train.",
    arguments="MODEL OUT",
    text="MODEL and OUT are .keras or .h5 files. The blocks of least magnitude become zero in "
    "every layer that can be pruned. The accuracy of the result means nothing: once the speed is "
    "known to be worth it, train with tfsparse.prune_block.",
    examples=[
        ("tfsparse prune model.keras try.keras", "4x1 blocks, 80% zeros"),
        (
            "tfsparse prune model.keras try.keras --pattern 16x4 --sparsity 0.9 --exclude "
            "'embed*,head'",
            "Another pattern, without some layers",
        ),
        ("tfsparse inspect try.keras", "Then see what it brings"),
    ],
    define=_define,
    run=_run,
)
