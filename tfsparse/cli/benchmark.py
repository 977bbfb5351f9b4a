"""`tfsparse benchmark`: how fast models answer, beside each other and beside an earlier time."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from absl import flags

from tfsparse.cli.command import Command, CommandError
from tfsparse.cli.drawing_flags import define_drawing
from tfsparse.cli.exit_codes import USAGE
from tfsparse.cli.model_files import as_saved_model

if TYPE_CHECKING:
    import numpy as np

    from tfsparse.cli.agreement import Agreement
    from tfsparse.cli.benchmark_report import Cell
    from tfsparse.cli.screen import Screen
    from tfsparse.serving import ServedModel


def _define(values: flags.FlagValues) -> None:
    def numbers(name: str, default: list[str], text: str) -> None:
        flags.DEFINE_list(name, default, text, flag_values=values)

    numbers("batch", ["1", "32"], "Batch sizes.")
    numbers("threads", ["1"], "Threads of an op.")
    flags.DEFINE_integer(
        "streams", 1, "Callers at the same time.", lower_bound=1, flag_values=values
    )
    numbers("percentiles", ["50", "90", "99"], "Percentiles of the latency, any numbers.")
    for name, default, text in (
        ("warm_up", 0.3, "Seconds that each model runs before it is timed."),
        ("seconds", 2.0, "Seconds that each model is timed, for each batch and threads."),
    ):
        flags.DEFINE_float(name, default, text, lower_bound=0, flag_values=values)
    flags.DEFINE_string("signature", None, "The signature to call.", flag_values=values)
    flags.DEFINE_string(
        "data",
        None,
        "An .npz file with an array for each input; random if none.",
        flag_values=values,
    )
    flags.DEFINE_bool("profile", False, "Where the time goes, by type of op.", flag_values=values)
    flags.DEFINE_string(
        "compare", None, "What --json has printed at another time.", flag_values=values
    )
    flags.DEFINE_float(
        "max_slowdown",
        None,
        "Ratio to --compare from which the exit code is 4, such as 1.1.",
        flag_values=values,
    )
    define_drawing(values)


def _run(values: flags.FlagValues, positional: list[str], screen: Screen) -> int:
    from tfsparse.cli.benchmark_report import Results, read_results, report
    from tfsparse.cli.inputs import read_npz

    batches, threads = _integers(values, "batch"), _integers(values, "threads")
    percentiles = _percentiles(values)
    before = read_results(values.compare) if values.compare else None
    data = read_npz(values.data, "data") if values.data else None
    with contextlib.ExitStack() as stack:
        folders = {}
        with screen.progress("loading models"):
            for path in positional:
                folders[path] = stack.enter_context(as_saved_model(path))
        cells: list[Cell] = []
        agreements: dict[tuple[int, str], list[Agreement]] = {}
        for count in threads:
            models = _load(folders, values.signature, count)
            for batch in batches:
                with screen.progress(f"timing batch {batch} by {count} threads"):
                    inputs = _inputs(models, batch, values, data)
                    agreements |= _agree(models, inputs, batch)
                    cells += _time(models, inputs, batch, count, values)
        profiles = (
            {path: _profile(path, folder, values, data) for path, folder in folders.items()}
            if values.profile
            else {}
        )
    results = Results(cells, agreements, profiles, percentiles, values.streams)
    return report(results, before, values.compare, values.max_slowdown, screen)


def _integers(values: flags.FlagValues, name: str) -> list[int]:
    texts = values[name].value
    if not texts or not all(text.strip().isdecimal() and int(text) > 0 for text in texts):
        raise CommandError(
            f"--{name} should be positive integers such as 1,32. Received: {','.join(texts)}",
            USAGE,
        )
    return [int(text) for text in texts]


def _percentiles(values: flags.FlagValues) -> list[float]:
    try:
        found = [float(text) for text in values.percentiles]
        if found and all(0 <= each <= 100 for each in found):
            return found
    except ValueError:
        pass
    raise CommandError(
        "--percentiles should be numbers from 0 to 100, such as 50,99.9. Received: "
        f"{','.join(values.percentiles)}",
        USAGE,
    )


def _load(
    folders: Mapping[str, str], signature: str | None, threads: int
) -> dict[str, ServedModel]:
    from tfsparse.serving import load

    return {path: load(folder, signature, threads) for path, folder in folders.items()}


def _inputs(
    models: Mapping[str, ServedModel],
    batch: int,
    values: flags.FlagValues,
    data: Mapping[str, np.ndarray] | None,
) -> dict[str, dict[str, np.ndarray]]:
    """The same rows for each model; inputs of other names are paired by their order."""
    from tfsparse.cli.inputs import draw, take

    made: dict[str, dict[str, np.ndarray]] = {}
    first: list[np.ndarray] | None = None
    for path, model in models.items():
        specs = model.signature.inputs
        if data is not None:
            made[path] = take(data, specs, batch)
            continue
        drawn = draw(specs, batch, values.length, values.below, values.seed)
        if first is None:
            first = list(drawn.values())
        alike = [(a.shape, a.dtype) for a in first] == [(a.shape, a.dtype) for a in drawn.values()]
        made[path] = dict(zip(specs, first, strict=True)) if alike else drawn
    return made


def _agree(
    models: Mapping[str, ServedModel], inputs: Mapping[str, dict[str, np.ndarray]], batch: int
) -> dict[tuple[int, str], list[Agreement]]:
    """How far each model's outputs are from those of the first, in the order of their names."""
    from tfsparse.cli.agreement import compare

    outputs = {path: model(inputs[path]) for path, model in models.items()}
    first, *others = outputs
    names = list(outputs[first])
    return {
        (batch, path): compare(
            [outputs[first]], [dict(zip(names, outputs[path].values(), strict=False))]
        )
        for path in others
    }


def _time(
    models: Mapping[str, ServedModel],
    inputs: Mapping[str, dict[str, np.ndarray]],
    batch: int,
    threads: int,
    values: flags.FlagValues,
) -> list[Cell]:
    from tfsparse.cli.benchmark_report import Cell
    from tfsparse.cli.timing import time_in_turns

    def call_of(model: ServedModel, given: dict[str, np.ndarray]) -> Any:
        return lambda: model(given)

    calls = {path: call_of(model, inputs[path]) for path, model in models.items()}
    timings = time_in_turns(calls, values.warm_up, values.seconds, values.streams)
    return [Cell(path, batch, threads, timing) for path, timing in timings.items()]


def _profile(
    path: str, folder: str, values: flags.FlagValues, data: Mapping[str, np.ndarray] | None
) -> list[tuple[str, int, float]]:
    from tfsparse.serving import load
    from tfsparse.serving.op_times import by_type, op_times

    batch, threads = _integers(values, "batch")[-1], _integers(values, "threads")[0]
    with load(folder, values.signature) as model:
        signature = model.signature
        inputs = _inputs({path: model}, batch, values, data)[path]
    return by_type(op_times(folder, inputs, signature.key, threads))


COMMAND = Command(
    name="benchmark",
    summary="Times models by tfsparse.load, in turns, and compares their outputs.",
    arguments="MODEL...",
    text="Each MODEL is a .keras or .h5 file or the folder of a SavedModel. All run in one "
    "process, in turns, on the same inputs. Latencies are in microseconds, from arrays to arrays. "
    "With more than one model the others' outputs are compared with those of the first.\n\n"
    "The exit code is 4 if outputs cannot be compared, or with --max_slowdown if a model is slower "
    "than in the file of --compare.",
    examples=[
        ("tfsparse benchmark model.keras served/1", "Before and after a conversion"),
        (
            "tfsparse benchmark served/1 --batch 1,8,64 --threads 1,2 --percentiles 50,99,99.9",
            "A table of batches and threads",
        ),
        ("tfsparse benchmark served/1 --batch 1 --streams 4", "Four callers at the same time"),
        ("tfsparse benchmark served/1 --json > before.json", "Keep the figures"),
        (
            "tfsparse benchmark served/1 --compare before.json --max_slowdown 1.1",
            "Fail a build that is slower than them",
        ),
        ("tfsparse benchmark served/1 --profile", "Where the time goes"),
    ],
    define=_define,
    run=_run,
)
