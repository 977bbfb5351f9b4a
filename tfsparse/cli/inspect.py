"""`tfsparse inspect`: what a model consists of, how much faster it would be, and why not more."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from absl import flags

from tfsparse.cli import exit_codes
from tfsparse.cli.command import Command
from tfsparse.cli.drawing_flags import define_drawing
from tfsparse.cli.model_files import as_saved_model, open_model
from tfsparse.cli.target_files import check_file

if TYPE_CHECKING:
    from tfsparse.cli.layer_times import LayerTimes
    from tfsparse.cli.screen import Screen
    from tfsparse.conversion.inspecting import InspectedLayer, Inspection

_PRECISIONS = ("fp32", "bf16", "int8")
_WHY = ["why"]


def _define(values: flags.FlagValues) -> None:
    flags.DEFINE_enum(
        "precision", "int8", ["fp32", "bf16", "int8"], "What to convert to.", flag_values=values
    )
    flags.DEFINE_integer(
        "batch_size",
        32,
        "Examples of a call that the cost model expects.",
        lower_bound=1,
        flag_values=values,
    )
    flags.DEFINE_string(
        "target", None, "The processor that will serve, such as icelake.", flag_values=values
    )
    flags.DEFINE_string("signature", None, "The only signature to look at.", flag_values=values)
    flags.DEFINE_bool(
        "time", False, "Run the model and measure each layer's share.", flag_values=values
    )
    flags.DEFINE_string(
        "html",
        None,
        "Write the report as a web page too, with pictures of masks.",
        flag_values=values,
    )
    flags.DEFINE_integer("threads", 1, "Threads of --time.", lower_bound=1, flag_values=values)
    define_drawing(values)


def _run(values: flags.FlagValues, positional: list[str], screen: Screen) -> int:
    from tfsparse.conversion.inspecting import inspect_model

    (path,) = positional
    if values.html:
        check_file("html", values.html)
    _register_ops()
    with screen.progress("reading the model"):
        found = inspect_model(
            open_model(path),
            values.precision,
            batch_size=values.batch_size,
            target=values.target,
            signatures=[values.signature] if values.signature else None,
            with_nonzeros=values.html is not None,
        )
    times = None
    if values.time:
        with screen.progress("running the model"):
            times = _measure(path, values, found)
    try:
        _print(found, times, screen)
    finally:  # also where nobody reads on
        if values.html:
            _write_page(path, found, times, values.html)
    return exit_codes.OK


def _print(found: Inspection, times: LayerTimes | None, screen: Screen) -> None:
    from tfsparse.cli.verdict import verdict
    from tfsparse.conversion.report import whole_layer_lines

    for key, signature in found.signatures.items():
        given, made = (
            ", ".join(f"{n}: {t}" for n, t in each.items()) for each in signature.values()
        )
        screen.say(f"{key}: ({given}) -> ({made})")
    screen.say("")
    _table(found, times, screen)
    for line in whole_layer_lines(found.whole_layers):
        screen.say(line)
    if found.ours:
        screen.say(f"Ops of tfsparse that are in the model already: {found.ours}.")
    screen.say(verdict(found, times), style="bold")
    screen.json(_as_dict(found, times, verdict(found, times)))


def _write_page(path: str, found: Inspection, times: LayerTimes | None, out: str) -> None:
    from tfsparse.cli.inspect_page import inspection_page
    from tfsparse.cli.pages import write

    write(out, inspection_page(path, found, times))


def _register_ops() -> None:
    """Models that were converted before have our ops in them. Others need no library."""
    from tfsparse import ops

    if ops.library_path().exists():
        ops.load()


def _measure(path: str, values: flags.FlagValues, found: Inspection) -> LayerTimes:
    from tfsparse.cli.inputs import draw
    from tfsparse.cli.layer_times import layer_times
    from tfsparse.serving import load
    from tfsparse.serving.op_times import op_times

    with as_saved_model(path) as folder:
        with load(folder, values.signature) as model:
            signature = model.signature
        inputs = draw(signature.inputs, values.batch_size, values.length, values.below, values.seed)
        times = op_times(folder, inputs, signature.key, values.threads)
    return layer_times([each for each in found.layers if signature.key in each.signatures], times)


def _table(found: Inspection, times: LayerTimes | None, screen: Screen) -> None:
    heads = ["layer", "(out, in)", "zeros", "block", "MMAC", "stored", "share"]
    heads += [] if times is None else ["ms"]
    shown = _PRECISIONS if screen.is_wide else (found.precision,)
    heads += [*shown, *_WHY[: screen.is_wide]]
    total = sum(each.dense_cost for each in found.layers) or 1.0
    screen.table(
        f"Products and convolutions, batch {found.batch_size}, for {found.target}",
        heads,
        [_row(each, total, times, shown)[: len(heads)] for each in found.layers],
        left=["layer", "why"],
        styles=[None if each.converts else "dim" for each in found.layers],
    )
    if not screen.is_wide:
        screen.reasons([each.layer, each.reason] for each in found.layers if not each.converts)


def _row(
    layer: InspectedLayer, total: float, times: LayerTimes | None, shown: Sequence[str]
) -> list[str]:
    share = layer.dense_cost / total if layer.dense_cost else None
    ms = None
    if times is not None:
        ms = times.of(layer)
        share = None if ms is None else ms / times.total
    return [
        layer.layer,
        str(layer.shape) if layer.shape else "-",
        _percent(layer.zeros),
        layer.block if layer.block and layer.converts else "-",
        _mega(layer.dense_macs),
        _mega(layer.stored_macs),
        _percent(share),
        *([] if times is None else ["-" if ms is None else f"{ms:.3f}"]),
        *(f"{layer.speedups[p]:.1f}x" if p in layer.speedups else "-" for p in shown),
        layer.reason,
    ]


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{value:.1%}"


def _mega(macs: int | None) -> str:
    return "-" if macs is None else f"{macs / 1e6:,.2f}"


def _as_dict(found: Inspection, times: LayerTimes | None, text: str) -> dict[str, Any]:
    layers = [_fields(each) for each in found.layers]
    for layer, row in zip(found.layers, layers, strict=True):
        row["ms"] = None if times is None else times.of(layer)
    return {
        "layers": layers,
        "whole_layers": [dataclasses.asdict(each) for each in found.whole_layers],
        "signatures": found.signatures,
        "ops_of_tfsparse": found.ours,
        "precision": found.precision,
        "target": found.target,
        "batch_size": found.batch_size,
        "speedup_of_products": found.speedup,
        "ms_of_model": None if times is None else times.total,
        "ms_of_other_ops": None if times is None else dict(times.others),
        "verdict": text,
    }


def _fields(layer: InspectedLayer) -> dict[str, Any]:
    fields = dataclasses.asdict(dataclasses.replace(layer, nonzeros=None))
    del fields["nonzeros"]
    return fields


COMMAND = Command(
    name="inspect",
    summary="Says of each layer what conversion would bring, and why not where it would not.",
    arguments="MODEL",
    text="MODEL is a .keras or .h5 file or the folder of a SavedModel. Nothing is converted, and "
    "no op library is needed, unless the model was converted before.\n\n"
    "`zeros` are those among the weights, and `block` is the shape that conversion would take for "
    "them. MMAC are millions of multiply-adds of a call: as the model is, and over the blocks that "
    "would be stored. `share` is that of the predicted time of all products; with --time it is "
    "measured, and of the whole model. fp32, bf16 and int8 are the predicted speed-ups over "
    "TensorFlow's dense op; in the precision of --precision a layer counts as it is converted: in "
    "one op with its neighbours, where they form a chain.\n\n"
    "Where the length of sequences is open it counts as 1, and images as 14 by 14.\n\n"
    "The last line says how much faster the model would be, and what holds it back.",
    examples=[
        ("tfsparse inspect model.keras", "What would INT8 bring on this machine?"),
        ("tfsparse inspect model.h5 --precision bf16 --batch_size 1", "One example at a time"),
        (
            "tfsparse inspect served/1 --time",
            "Measure where the time goes, outside of products too",
        ),
        ("tfsparse inspect model.keras --time --html page.html", "Pictures, to show to others"),
        (
            "tfsparse inspect model.keras --target icelake --json",
            "For another machine, for a program",
        ),
    ],
    define=_define,
    run=_run,
)
