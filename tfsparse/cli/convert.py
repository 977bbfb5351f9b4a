"""`tfsparse convert`: a model as a SavedModel of block-sparse ops."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from absl import flags

from tfsparse.cli import exit_codes
from tfsparse.cli.command import Command, CommandError
from tfsparse.cli.inputs import define_drawing, draw, read_npz
from tfsparse.cli.model_files import as_saved_model, open_model

if TYPE_CHECKING:
    from tfsparse.cli.agreement import Agreement
    from tfsparse.cli.screen import Screen
    from tfsparse.conversion import ConversionReport, ConvertedModel

SYNTHETIC = "synthetic"
_ROWS = 256
"""Examples that are drawn."""


def _define(values: flags.FlagValues) -> None:
    def one_of(name: str, default: str, choices: list[str], text: str) -> None:
        flags.DEFINE_enum(name, default, choices, text, flag_values=values)

    def yes(name: str, text: str) -> None:
        flags.DEFINE_bool(name, False, text, flag_values=values)

    one_of("precision", "fp32", ["fp32", "bf16", "int8", "auto"], "What layers compute in.")
    flags.DEFINE_string(
        "calibration",
        None,
        "Data for int8 and auto: an .npz file with an array for each input, or 'synthetic'.",
        flag_values=values,
    )
    one_of("activations", "calibrated", ["calibrated", "dynamic"], "Ranges of INT8 activations.")
    one_of("calibration_method", "minmax", ["minmax", "percentile", "mse"], "How ranges are made.")
    flags.DEFINE_float("max_error", 0.01, "Error of a layer with auto.", flag_values=values)
    flags.DEFINE_integer("batch_size", 32, "Examples of a call to expect.", flag_values=values)
    flags.DEFINE_string("target", None, "The processor that will serve.", flag_values=values)
    one_of("ops", "tfsparse", ["tfsparse", "tensorflow"], "Whose ops are written.")
    flags.DEFINE_multi_string(
        "override",
        [],
        "LAYER=skip, LAYER=convert or LAYER=16x4; may come often.",
        flag_values=values,
    )
    flags.DEFINE_list("signatures", None, "The signatures to keep.", flag_values=values)
    flags.DEFINE_list("tags", None, "Tags of the graph to load.", flag_values=values)
    yes("tune", "Time the candidates of each layer on this machine.")
    yes("dry_run", "Convert and report, but write nothing.")
    yes("verify", "Compare outputs with those of MODEL, on the calibration data if there are.")
    flags.DEFINE_float(
        "max_difference", None, "Relative error from which --verify fails.", flag_values=values
    )
    yes("overwrite", "Replace a SavedModel at OUT.")
    define_drawing(values)


def _run(values: flags.FlagValues, positional: list[str], screen: Screen) -> int:
    from tfsparse.conversion.saving import check_target
    from tfsparse.index import convert

    source, out = positional
    overrides = _overrides(values.override)
    if not values.dry_run:
        check_target(out, values.overwrite)
    with screen.progress("reading the model"):
        model = open_model(source)
        data = _calibration(values, source)
    with screen.progress("converting"):
        converted = convert(
            model,
            values.precision,
            data if values.precision in ("int8", "auto") else None,
            overrides=overrides,
            batch_size=values.batch_size,
            activations=values.activations,
            calibration_method=values.calibration_method,
            max_error=values.max_error,
            target=values.target,
            tune=values.tune,
            ops=values.ops,
            signatures=values.signatures,
            tags=values.tags,
        )
    agreements = None
    if values.verify:
        with screen.progress("comparing outputs"):
            agreements = _verify(converted, source, data, values)
    if not values.dry_run:
        with screen.progress("writing the model"):
            converted.save(out, values.overwrite)
    _print(converted.report, agreements, values, out, screen)
    return exit_codes.DIFFERENT if _too_different(agreements, values) else exit_codes.OK


def _overrides(texts: Sequence[str]) -> dict[str, str]:
    pairs = [text.rpartition("=") for text in texts]
    for text, (name, _, _) in zip(texts, pairs, strict=True):
        if not name:
            raise CommandError(
                f"--override should be LAYER=WHAT, such as dense_1=skip. Received: {text!r}",
                exit_codes.USAGE,
            )
    return {name: what for name, _, what in pairs}


def _calibration(values: flags.FlagValues, source: str) -> dict[str, np.ndarray] | None:
    """The data by name of input; None where none are asked for."""
    if values.calibration is None:
        return None
    if values.calibration != SYNTHETIC:
        arrays = read_npz(values.calibration, "calibration")
        return arrays if set(arrays) != {""} else {_only_input(source, values): arrays[""]}
    return _drawn(source, values)


def _only_input(source: str, values: flags.FlagValues) -> str:
    names = list(_inputs(source, values))
    if len(names) != 1:
        raise CommandError(
            f"--calibration should be an .npz file with the arrays {names}. Received: one array",
            exit_codes.REFUSED,
        )
    return names[0]


def _drawn(source: str, values: flags.FlagValues) -> dict[str, np.ndarray]:
    return draw(_inputs(source, values), _ROWS, values.length, values.below, values.seed)


def _inputs(source: str, values: flags.FlagValues) -> Mapping[str, Any]:
    from tfsparse.serving import load

    with as_saved_model(source) as folder, load(folder, _signature(values)) as model:
        return model.signature.inputs


def _signature(values: flags.FlagValues) -> str | None:
    """The signature that is compared: the only one that is kept, or the default one."""
    return values.signatures[0] if values.signatures and len(values.signatures) == 1 else None


def _verify(
    converted: ConvertedModel,
    source: str,
    data: Mapping[str, np.ndarray] | None,
    values: flags.FlagValues,
) -> list[Agreement]:
    """Runs both models on the calibration data, or on random numbers."""
    import tensorflow as tf

    from tfsparse.cli.agreement import compare
    from tfsparse.serving import load

    data = _drawn(source, values) if data is None else data
    with as_saved_model(source) as folder, load(folder, _signature(values)) as model:
        specs, key = model.signature.inputs, model.signature.key
        data = {name: np.asarray(data[name]) for name in specs}
        batches = _batches(
            {n: a.astype(specs[n].dtype, copy=False) for n, a in data.items()}, values
        )
        expected = [model(batch) for batch in batches]
    function = converted.signatures[key]
    found = [
        {
            name: value.numpy()
            for name, value in function(**{k: tf.constant(v) for k, v in batch.items()}).items()
        }
        for batch in batches
    ]
    return compare(expected, found)


def _batches(
    data: Mapping[str, np.ndarray], values: flags.FlagValues
) -> list[dict[str, np.ndarray]]:
    rows = min((len(array) for array in data.values() if array.ndim), default=1)
    size = values.batch_size
    return [
        {name: array[start : start + size] if array.ndim else array for name, array in data.items()}
        for start in range(0, rows, size)
    ]


def _too_different(agreements: Sequence[Agreement] | None, values: flags.FlagValues) -> bool:
    return any(
        each.problem != ""
        or (
            values.max_difference is not None
            and each.relative_error is not None
            and each.relative_error > values.max_difference
        )
        for each in agreements or ()
    )


def _print(
    report: ConversionReport,
    agreements: Sequence[Agreement] | None,
    values: flags.FlagValues,
    out: str,
    screen: Screen,
) -> None:
    from tfsparse.cli import agreement
    from tfsparse.cli.report_table import show_report

    show_report(report, screen)
    synthetic = values.calibration == SYNTHETIC or values.calibration is None
    if agreements is not None:
        data = "random numbers" if synthetic else values.calibration
        title = f"Outputs beside those of the source, on {data}"
        screen.table(title, agreement.HEADS, agreement.rows(agreements), left=["output"])
    if values.calibration == SYNTHETIC:
        screen.say("Calibrated on random numbers: the speed means something, the accuracy nothing.")
    screen.say("Nothing was written." if values.dry_run else f"Written to {out}.", style="bold")
    screen.json(
        report.as_dict()
        | {
            "path": None if values.dry_run else out,
            "agreement": None
            if agreements is None
            else [dataclasses.asdict(each) for each in agreements],
        }
    )


COMMAND = Command(
    name="convert",
    summary="Converts a model to block-sparse ops where they are faster, and writes a SavedModel.",
    arguments="MODEL OUT",
    text="MODEL is a .keras or .h5 file or the folder of a SavedModel, OUT a folder to write, whole "
    "or not at all. Layers stay as they are where conversion would not pay, and the report says "
    "why.\n\n"
    "int8 and auto need data from which the ranges of activations are read: a few hundred examples in "
    "an .npz file, with an array for each input. 'synthetic' draws random numbers, to try the speed.",
    examples=[
        ("tfsparse convert model.keras served/1 --precision bf16", "No data needed"),
        (
            "tfsparse convert model.keras served/1 --precision int8 --calibration data.npz --verify",
            "INT8, and how far its outputs are from the source's",
        ),
        (
            "tfsparse convert model.keras served/1 --precision int8 --calibration synthetic --dry_run",
            "What would become of each layer; writes nothing",
        ),
        (
            "tfsparse convert old/1 new/1 --precision bf16 --override head=skip --override ffn/up=16x4",
            "Your word on single layers",
        ),
    ],
    define=_define,
    run=_run,
)
