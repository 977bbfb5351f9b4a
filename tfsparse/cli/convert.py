"""`tfsparse convert`: a model as a SavedModel of block-sparse ops."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING

from absl import flags

from tfsparse.cli import exit_codes
from tfsparse.cli.command import Command, CommandError
from tfsparse.cli.drawing_flags import define_drawing
from tfsparse.cli.model_files import open_model
from tfsparse.cli.target_files import check_file

if TYPE_CHECKING:
    from tfsparse.cli.agreement import Agreement
    from tfsparse.cli.screen import Screen
    from tfsparse.conversion import ConversionReport


def _define(values: flags.FlagValues) -> None:
    def one_of(name: str, default: str, choices: list[str], text: str) -> None:
        flags.DEFINE_enum(name, default, choices, text, flag_values=values)

    def yes(name: str, text: str) -> None:
        flags.DEFINE_bool(name, False, text, flag_values=values)

    one_of("precision", "fp32", ["fp32", "bf16", "int8", "auto"], "What layers compute in.")
    flags.DEFINE_string(
        "calibration",
        None,
        "Data for int8 and auto: an .npz file with an array for each input, a .tfrecord file, or "
        "'synthetic'.",
        flag_values=values,
    )
    flags.DEFINE_integer(
        "calibration_examples",
        512,
        "Examples to read of a .tfrecord file.",
        lower_bound=1,
        flag_values=values,
    )
    one_of(
        "activations",
        "calibrated",
        ["calibrated", "dynamic"],
        "Where ranges of INT8 activations come from: data, or each call.",
    )
    one_of(
        "calibration_method",
        "minmax",
        ["minmax", "percentile", "mse"],
        "How a range follows from the calibration data.",
    )
    flags.DEFINE_float(
        "max_error",
        0.01,
        "Error that auto may add to a layer's result, relative to it.",
        flag_values=values,
    )
    flags.DEFINE_integer(
        "batch_size", 32, "Examples of a call that the cost model expects.", flag_values=values
    )
    flags.DEFINE_string("target", None, "The processor that will serve.", flag_values=values)
    one_of(
        "ops",
        "tfsparse",
        ["tfsparse", "tensorflow"],
        "Ops to write: ours, or TensorFlow's own, which are dense.",
    )
    flags.DEFINE_enum(
        "embeddings",
        None,
        ["bf16", "int8"],
        "What the embedding tables of a dot interaction become.",
        flag_values=values,
    )
    flags.DEFINE_multi_string(
        "override",
        [],
        "LAYER=skip, LAYER=convert or LAYER=16x4; may be repeated.",
        flag_values=values,
    )
    flags.DEFINE_list("signatures", None, "The signatures to keep.", flag_values=values)
    flags.DEFINE_list("tags", None, "Tags of the graph to load.", flag_values=values)
    yes("tune", "Time the candidates of each layer on this machine.")
    yes("dry_run", "Convert and report, but write nothing.")
    yes("verify", "Compare outputs with those of MODEL, on the calibration data if they are given.")
    flags.DEFINE_float(
        "max_difference", None, "Relative error from which --verify fails.", flag_values=values
    )
    flags.DEFINE_string("html", None, "Write the report as a web page too.", flag_values=values)
    yes("overwrite", "Replace a SavedModel at OUT.")
    define_drawing(values)


def _run(values: flags.FlagValues, positional: list[str], screen: Screen) -> int:
    from tfsparse.cli.verifying import calibration_of, too_different, verify
    from tfsparse.conversion.saving import check_target
    from tfsparse.index import convert

    source, out = positional
    overrides = _overrides(values.override)
    if values.html:
        check_file("html", values.html)
    if not values.dry_run:
        check_target(out, values.overwrite)
    with screen.progress("reading the model"):
        model = open_model(source)
        data = calibration_of(values, source)
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
            embeddings=values.embeddings,
            signatures=values.signatures,
            tags=values.tags,
        )
    agreements = None
    if values.verify:
        with screen.progress("comparing outputs"):
            agreements = verify(converted, source, data, values)
    if not values.dry_run:
        with screen.progress("writing the model"):
            converted.save(out, values.overwrite)
    try:
        _print(converted.report, agreements, values, out, screen)
    finally:  # also where nobody reads on
        if values.html:
            _write_page(converted.report, agreements, values)
    return exit_codes.DIFFERENT if too_different(agreements, values) else exit_codes.OK


def _overrides(texts: Sequence[str]) -> dict[str, str]:
    pairs = [text.rpartition("=") for text in texts]
    for text, (name, _, _) in zip(texts, pairs, strict=True):
        if not name:
            raise CommandError(
                f"--override should be LAYER=WHAT, such as dense_1=skip. Received: {text!r}",
                exit_codes.USAGE,
            )
    return {name: what for name, _, what in pairs}


def _print(
    report: ConversionReport,
    agreements: Sequence[Agreement] | None,
    values: flags.FlagValues,
    out: str,
    screen: Screen,
) -> None:
    from tfsparse.cli import agreement
    from tfsparse.cli.report_table import show_report
    from tfsparse.cli.verifying import SYNTHETIC

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


def _write_page(
    report: ConversionReport, agreements: Sequence[Agreement] | None, values: flags.FlagValues
) -> None:
    from tfsparse.cli.convert_page import conversion_page
    from tfsparse.cli.pages import write

    write(values.html, conversion_page(report, agreements, values.precision))


COMMAND = Command(
    name="convert",
    summary="Converts a model to block-sparse ops where they are faster, and writes a SavedModel.",
    arguments="MODEL OUT",
    text="MODEL is a .keras or .h5 file or the folder of a SavedModel, OUT a folder to write, "
    "whole or not at all. Layers stay as they are where conversion would not pay, and the report "
    "says why.\n\n"
    "int8 and auto need data from which the ranges of activations are read: a few hundred examples "
    "in an .npz file, with an array for each input, or in a TFRecord file of tf.train.Example, "
    "with a feature for each input. 'synthetic' draws random numbers, to try the speed.",
    examples=[
        ("tfsparse convert model.keras served/1 --precision bf16", "No data needed"),
        (
            "tfsparse convert model.keras served/1 --precision int8 --calibration data.npz "
            "--verify",
            "INT8, and how far its outputs are from the source's",
        ),
        (
            "tfsparse convert model.keras served/1 --precision int8 --calibration synthetic "
            "--dry_run",
            "What would become of each layer; writes nothing",
        ),
        (
            "tfsparse convert old/1 new/1 --precision bf16 --override head=skip --override "
            "ffn/up=16x4",
            "Settings for single layers",
        ),
    ],
    define=_define,
    run=_run,
)
