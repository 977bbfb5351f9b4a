"""`tfsparse benchmark`: how fast models answer, beside each other and beside an earlier time."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from absl import flags

from tfsparse.cli.benchmark_flags import define, integers, percentiles
from tfsparse.cli.command import Command
from tfsparse.cli.model_files import as_saved_model

if TYPE_CHECKING:
    import numpy as np

    from tfsparse.cli.agreement import Agreement
    from tfsparse.cli.arrivals import Search
    from tfsparse.cli.benchmark_report import Cell, Results
    from tfsparse.cli.screen import Screen
    from tfsparse.cli.timing import Timing
    from tfsparse.serving import ServedModel


def _run(values: flags.FlagValues, positional: list[str], screen: Screen) -> int:
    from tfsparse.cli.benchmark_plot import check_plot
    from tfsparse.cli.benchmark_report import Results, read_results, report
    from tfsparse.cli.inputs import read_npz

    batches, threads = integers(values, "batch"), integers(values, "threads")
    if values.plot:
        check_plot(values.plot)
    shown = percentiles(values)
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
    results = Results(
        cells,
        agreements,
        profiles,
        shown,
        values.streams,
        values.limit_us,
        values.limit_percentile,
    )
    try:
        return report(results, before, values.compare, values.max_slowdown, screen)
    finally:  # also where nobody reads on
        if values.plot:
            _draw(results, values)


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
    return [
        Cell(path, batch, threads, timing, _search(calls[path], timing, values))
        for path, timing in timings.items()
    ]


def _search(call: Any, timing: Timing, values: flags.FlagValues) -> Search | None:
    from tfsparse.cli.arrivals import find_rate

    if values.limit_us is None:
        return None
    return find_rate(
        call,
        timing.calls_per_second(),
        values.limit_us,
        values.limit_percentile,
        values.seconds,
        values.streams,
        values.seed,
    )


def _draw(results: Results, values: flags.FlagValues) -> None:
    from tfsparse.cli.benchmark_plot import draw
    from tfsparse.cli.machine import look

    percentile = max(results.percentiles)
    if values.limit_us is not None:
        percentile = values.limit_percentile
    draw(results.cells, percentile, values.limit_us, look().processor, values.plot)


def _profile(
    path: str, folder: str, values: flags.FlagValues, data: Mapping[str, np.ndarray] | None
) -> list[tuple[str, int, float]]:
    from tfsparse.serving import load
    from tfsparse.serving.op_times import by_type, op_times

    batch, threads = integers(values, "batch")[-1], integers(values, "threads")[0]
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
    "Calls come one after the other (--streams 1), from several callers (--streams N), or with "
    "--limit_us at random, whatever the model is doing: a latency then is from the arrival of a "
    "call to its answer, and --seconds is how long each of seven rates is tried.\n\n"
    "The exit code is 4 if outputs cannot be compared, or with --max_slowdown if a model is slower "
    "than in the file of --compare.",
    examples=[
        ("tfsparse benchmark model.keras served/1", "Before and after a conversion"),
        (
            "tfsparse benchmark served/1 --batch 1,8,64 --threads 1,2 --percentiles 50,99,99.9",
            "A table of batches and threads",
        ),
        ("tfsparse benchmark served/1 --batch 1 --streams 4", "Four callers at the same time"),
        (
            "tfsparse benchmark model.keras served/1 --limit_us 2000 --plot plot.png",
            "Calls at random: how many a second, with 99% of them answered within 2 ms?",
        ),
        ("tfsparse benchmark served/1 --json > before.json", "Keep the figures"),
        (
            "tfsparse benchmark served/1 --compare before.json --max_slowdown 1.1",
            "Fail a build that is slower than them",
        ),
        ("tfsparse benchmark served/1 --profile", "Where the time goes"),
    ],
    define=define,
    run=_run,
)
