"""`tfsparse benchmark`: how fast models answer, beside each other and beside an earlier time."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import platform
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from absl import flags

from tfsparse.cli import exit_codes
from tfsparse.cli.command import Command, CommandError
from tfsparse.cli.inputs import define_drawing, draw, read_npz, take
from tfsparse.cli.model_files import as_saved_model

if TYPE_CHECKING:
    from tfsparse.cli.screen import Screen
    from tfsparse.cli.timing import Timing
    from tfsparse.serving import ServedModel


@dataclasses.dataclass(frozen=True)
class Cell:
    """A model at a batch size and a number of threads."""

    model: str
    batch: int
    threads: int
    timing: Timing


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
    batches, threads = _integers(values, "batch"), _integers(values, "threads")
    percentiles = _percentiles(values)
    before = _read_results(values.compare) if values.compare else None
    data = read_npz(values.data, "data") if values.data else None
    with contextlib.ExitStack() as stack:
        folders = {}
        with screen.progress("loading models"):
            for path in positional:
                folders[path] = stack.enter_context(as_saved_model(path))
        cells, agreements = [], {}
        for count in threads:
            models = _load(folders, values.signature, count)
            for batch in batches:
                with screen.progress(f"timing batch {batch} by {count} threads"):
                    inputs = _inputs(models, batch, values, data)
                    agreements[batch] = _agree(models, inputs)
                    cells += _time(models, inputs, batch, count, values)
        profiles = (
            {path: _profile(path, folder, values, data) for path, folder in folders.items()}
            if values.profile
            else {}
        )
    return _report(cells, agreements, profiles, before, percentiles, values, screen)


def _integers(values: flags.FlagValues, name: str) -> list[int]:
    texts = values[name].value
    if not texts or not all(text.strip().isdecimal() and int(text) > 0 for text in texts):
        raise CommandError(
            f"--{name} should be positive integers such as 1,32. Received: {','.join(texts)}",
            exit_codes.USAGE,
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
        "--percentiles should be numbers from 0 to 100, such as 50,99.9. "
        f"Received: {','.join(values.percentiles)}",
        exit_codes.USAGE,
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
    models: Mapping[str, ServedModel], inputs: Mapping[str, dict[str, np.ndarray]]
) -> dict[str, Any]:
    """How far each model's outputs are from those of the first."""
    from tfsparse.cli.agreement import compare

    outputs = {path: list(model(inputs[path]).values()) for path, model in models.items()}
    first = next(iter(outputs.values()))
    names = list(next(iter(models.values())).signature.outputs)
    return {
        path: compare(
            [dict(zip(names, first, strict=True))],
            [dict(zip(names, each, strict=False))],
        )
        for path, each in list(outputs.items())[1:]
    }


def _time(
    models: Mapping[str, ServedModel],
    inputs: Mapping[str, dict[str, np.ndarray]],
    batch: int,
    threads: int,
    values: flags.FlagValues,
) -> list[Cell]:
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


def _report(
    cells: Sequence[Cell],
    agreements: Mapping[int, Mapping[str, Any]],
    profiles: Mapping[str, Sequence[tuple[str, int, float]]],
    before: Mapping[tuple[str, int, int, int], float] | None,
    percentiles: Sequence[float],
    values: flags.FlagValues,
    screen: Screen,
) -> int:
    from tfsparse.cli import agreement
    from tfsparse.cli.benchmark_table import ratios, show_cells, show_profile

    medians = {
        (c.model, c.batch, c.threads, values.streams): c.timing.percentile(50) for c in cells
    }
    than_before = ratios(medians, before) if before is not None else {}
    show_cells(cells, percentiles, than_before, values.streams, screen)
    for batch, others in agreements.items():
        for path, each in others.items():
            title = f"Outputs of {path} beside those of the first, batch {batch}"
            screen.table(title, agreement.HEADS, agreement.rows(each), left=["output"])
    for path, rows in profiles.items():
        show_profile(path, rows, screen)
    screen.json(_as_dict(cells, agreements, profiles, than_before, percentiles, values))
    slow = values.max_slowdown is not None and any(
        ratio > values.max_slowdown for ratio in than_before.values()
    )
    if slow:
        screen.say(f"Slower than {values.compare} by more than {values.max_slowdown:g}.", "red")
    wrong = any(each.problem for one in agreements.values() for a in one.values() for each in a)
    return exit_codes.DIFFERENT if slow or wrong else exit_codes.OK


def _as_dict(
    cells: Sequence[Cell],
    agreements: Mapping[int, Mapping[str, Any]],
    profiles: Mapping[str, Sequence[tuple[str, int, float]]],
    than_before: Mapping[tuple[str, int, int, int], float],
    percentiles: Sequence[float],
    values: flags.FlagValues,
) -> dict[str, Any]:
    return {
        "processor": platform.processor() or platform.machine(),
        "results": [
            {
                "model": cell.model,
                "batch": cell.batch,
                "threads": cell.threads,
                "streams": values.streams,
                "calls": len(cell.timing.us),
                "median_us": cell.timing.percentile(50),
                "percentiles_us": {f"{p:g}": cell.timing.percentile(p) for p in percentiles},
                "examples_per_second": cell.batch * cell.timing.calls_per_second(),
                "than_before": than_before.get(
                    (cell.model, cell.batch, cell.threads, values.streams)
                ),
            }
            for cell in cells
        ],
        "agreement": {
            str(batch): {
                path: [dataclasses.asdict(each) for each in rows] for path, rows in others.items()
            }
            for batch, others in agreements.items()
        },
        "profile": {
            path: [{"op": op, "count": count, "ms": ms} for op, count, ms in rows]
            for path, rows in profiles.items()
        },
    }


def _read_results(path: str) -> dict[tuple[str, int, int, int], float]:
    try:
        results = json.loads(Path(path).read_text())["results"]
        return {
            (each["model"], each["batch"], each["threads"], each["streams"]): each["median_us"]
            for each in results
        }
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CommandError(
            f"--compare should be a file that `tfsparse benchmark --json` has printed. Received: {path}"
            f", with {type(error).__name__}: {error}",
            exit_codes.REFUSED,
        ) from error


COMMAND = Command(
    name="benchmark",
    summary="Times models by tfsparse.load, in turns, and compares their outputs.",
    arguments="MODEL...",
    text="Each MODEL is a .keras or .h5 file or the folder of a SavedModel. All run in one process, in "
    "turns, on the same inputs. Latencies are in microseconds, from arrays to arrays. With more than "
    "one model the others' outputs are compared with those of the first.\n\n"
    "The exit code is 4 if outputs cannot be compared, or with --max_slowdown if a model is slower than "
    "in the file of --compare.",
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
