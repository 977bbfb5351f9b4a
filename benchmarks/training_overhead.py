"""What pruning costs while training; see `--help`.

Trains small models dense, pruned by tfsparse and pruned by TFMOT, in turns, and says what a
training step takes, how high memory rises, how many bytes masks and other state add, and how
long an update of all masks takes. Ends with an update of a model of 100 million weights. Each
kind of figure has its target beside it.

`over dense` is the median of how much longer a step takes than a dense step beside it. `cpu` is
the same of the processor time of all threads: it counts work and not waiting, so look at it
where the machine is busy. `MiB` is how far memory rises above that of the loaded libraries.
`state` is what pruning stores besides weights, over the bytes of the kernels that it prunes.
`update` is a median; masks are updated every 100 steps unless a schedule says otherwise.

What pruning adds to a step is proportional to the weights, whatever the batch: see
`benchmarks/README.md`. Try `--models mlp --batch-size 1024`.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import statistics
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from benchmarks import step_parts, step_timing, training_variants
from benchmarks.training_models import CASES

STEP_TARGET = 0.05
STATE_TARGET = 1 / 8
UPDATE_TARGET = 2.0
LARGE_LAYERS, LARGE_UNITS = 6, 4096  # 100,663,296 weights
MEMORY_STEPS = 5
UPDATES = 5

_HEADER = ("Keras", "", "ms/step", "over dense", "cpu", "MiB", "over dense", "state", "update ms")
Row = dict[str, Any]


def measure_steps(case_name: str, keras_name: str, options: argparse.Namespace) -> list[Row]:
    """Times all variants of one model in one version of Keras."""
    _, variants, _ = _prepared(case_name, keras_name, options)
    times = step_timing.time_in_turns([variant.step for variant in variants], options.seconds)
    rows = []
    for variant, took in zip(variants, times, strict=True):
        extra, kernels = training_variants.state_bytes(variant, variants[0])
        rows.append(
            {
                "variant": variant.name,
                "ms_per_step": took.ms,
                "over_dense": took.over,
                "cpu_ms_per_step": took.cpu_ms,
                "cpu_over_dense": took.cpu_over,
                "state_bytes": extra,
                "pruned_kernel_bytes": kernels,
                "weights": variants[0].model.count_params(),
            }
        )
    return rows


def measure_parts(case_name: str, keras_name: str, options: argparse.Namespace) -> list[Row]:
    """Times the halves of a step of all variants."""
    keras, variants, batch = _prepared(case_name, keras_name, options)
    for variant in variants:
        variant.step()
    rows = step_parts.time_parts(keras, variants, batch, options.seconds)
    return [{"model": case_name, "keras": keras_name, **row} for row in rows]


def measure_alone(
    case_name: str, keras_name: str, variant: str, options: argparse.Namespace
) -> Row:
    """What needs a process of its own: the peak of memory; and the updates of a pruned model."""
    row: Row = {"peak_mib": None}
    if options.memory:
        row["peak_mib"] = measure_memory(case_name, keras_name, variant, options)
    if variant != "dense":
        row["update_s"] = measure_update(case_name, keras_name, variant, options)
    return row


def measure_memory(
    case_name: str, keras_name: str, variant: str, options: argparse.Namespace
) -> float | None:
    """How high memory rises when one variant is built and trained, in MiB."""
    keras = importlib.import_module(keras_name)
    batch = _batch(case_name, options)
    if variant == "TFMOT":
        importlib.import_module("tensorflow_model_optimization")

    def work() -> None:
        model = CASES[case_name].build(keras)
        arguments = (variant, keras, model, batch, options.pattern, options.sparsity)
        prepared = training_variants.prepare(*arguments)
        for _ in range(MEMORY_STEPS):
            prepared.step()

    return step_timing.peak_mib(work)


def measure_update(
    case_name: str | None, keras_name: str, variant: str, options: argparse.Namespace
) -> list[float]:
    """Seconds of several updates of all masks of a model; of the large one for None."""
    keras = importlib.import_module(keras_name)
    keras.utils.set_random_seed(options.seed)
    model = CASES[case_name].build(keras) if case_name else _large(keras, options)
    return training_variants.update_seconds(
        variant, keras, model, options.pattern, options.sparsity, UPDATES
    )


def measure_case(case_name: str, options: argparse.Namespace) -> list[Row]:
    """Everything about one model, printed line by line."""
    case = CASES[case_name]
    print(f"\n{case.title}, batch {options.batch_size or case.batch_size}", flush=True)
    print(_line(_HEADER))
    rows = []
    for keras_name in options.keras:
        steps = step_timing.in_new_process(measure_steps, case_name, keras_name, options)
        dense_mib = None
        for row in steps:
            arguments = (case_name, keras_name, row["variant"], options)
            row |= step_timing.in_new_process(measure_alone, *arguments)
            dense_mib = dense_mib or row["peak_mib"]
            row |= {"model": case_name, "keras": keras_name}
            row["peak_over_dense"] = row["peak_mib"] / dense_mib - 1 if dense_mib else None
            print(_line(_cells(row)), flush=True)
            rows.append(row)
    print(_line(("", "target", "", f"<= {STEP_TARGET:.0%}", "", "", "", "<= 1/8", "")))
    return rows


def measure_halves(case_name: str, options: argparse.Namespace) -> list[Row]:
    """The halves of a step of one model, printed line by line."""
    print(f"\nThe halves of a step, {CASES[case_name].title}", flush=True)
    print(f"{'Keras':<9}{'':<9} {'half':<12}{'ms':>9}{'cpu ms':>9}{'ns/weight':>11}")
    rows = []
    for keras_name in options.keras:
        for row in step_timing.in_new_process(measure_parts, case_name, keras_name, options):
            print(
                f"{keras_name:<9}{row['variant']:<9} {row['part']:<12}{row['ms']:9.2f}"
                f"{row['cpu_ms']:9.2f}{row['ns_per_weight']:11.2f}",
                flush=True,
            )
            rows.append(row)
    return rows


def measure_large(options: argparse.Namespace) -> list[Row]:
    """Mask updates of the large model, printed line by line."""
    weights = options.large_layers * options.large_units**2
    print(
        f"\nOne update of all masks, {options.large_layers} Dense layers of "
        f"{options.large_units} x {options.large_units}, {weights:,} weights: "
        f"target < {UPDATE_TARGET:g} s on 2 cores"
    )
    rows = []
    for keras_name in options.keras:
        for variant in _variants(keras_name, options)[1:]:
            arguments = (None, keras_name, variant, options)
            seconds = step_timing.in_new_process(measure_update, *arguments)
            print(
                f"  {keras_name:<9}{variant:<9} median {statistics.median(seconds):6.2f} s   "
                f"longest {max(seconds):6.2f} s",
                flush=True,
            )
            rows.append(
                {
                    "model": "large",
                    "keras": keras_name,
                    "variant": variant,
                    "weights": weights,
                    "update_s": seconds,
                }
            )
    return rows


def parser() -> argparse.ArgumentParser:
    """The command line."""
    result = argparse.ArgumentParser(
        prog="python -m benchmarks.training_overhead",
        description=(__doc__ or "").partition("\n\n")[2],
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = result.add_argument
    add("--models", nargs="*", default=list(CASES), choices=list(CASES), help="which (all)")
    add(
        "--keras", nargs="+", default=list(training_variants.KERAS), choices=training_variants.KERAS
    )
    add("--pattern", default="4x1", help='block pattern, outputs x inputs ("%(default)s")')
    add("--sparsity", type=float, default=0.9, help="share of zeros (%(default)s)")
    add("--batch-size", type=int, help="examples in a step (by default the model's own)")
    add("--seconds", type=float, default=20, help="how long to time each variant (%(default)s)")
    add("--parts", action="store_true", help="also time the halves of a step, to see where it goes")
    add("--no-memory", dest="memory", action="store_false", help="skip the processes for memory")
    add("--no-tfmot", dest="tfmot", action="store_false", help="skip TFMOT")
    add("--large-layers", type=int, default=LARGE_LAYERS, help="of the large model; 0 skips it (6)")
    add("--large-units", type=int, default=LARGE_UNITS, help="its width (%(default)s)")
    add("--seed", type=int, default=0, help="of weights (%(default)s)")
    add("--json", type=Path, metavar="FILE", help="also write the figures there")
    return result


def main(arguments: Sequence[str] | None = None) -> list[Row]:
    """Runs the benchmark and returns its rows."""
    options = parser().parse_args(arguments)
    if options.tfmot and importlib.util.find_spec("tensorflow_model_optimization") is None:
        print("TFMOT is not installed (tensorflow-model-optimization), so it is left out.")
        options.tfmot = False
    print(f"{options.pattern} at {options.sparsity:.0%}, Adam, on {_machine()}")
    rows = [row for name in options.models for row in measure_case(name, options)]
    if options.parts:
        rows += [row for name in options.models for row in measure_halves(name, options)]
    if options.large_layers:
        rows += measure_large(options)
    if options.json:
        settings = {k: v for k, v in vars(options).items() if k != "json"}
        _write(options.json, {"machine": _machine(), "settings": settings, "rows": rows})
    return rows


def _prepared(case_name: str, keras_name: str, options: argparse.Namespace) -> Any:
    """The Keras, all variants of a model, and their batch."""
    keras = importlib.import_module(keras_name)
    batch = _batch(case_name, options)
    variants = []
    for name in _variants(keras_name, options):
        keras.utils.set_random_seed(options.seed)
        model = CASES[case_name].build(keras)
        arguments = (name, keras, model, batch, options.pattern, options.sparsity)
        variants.append(training_variants.prepare(*arguments))
    return keras, variants, batch


def _variants(keras_name: str, options: argparse.Namespace) -> tuple[str, ...]:
    with_tfmot = options.tfmot and keras_name == "tf_keras"
    return training_variants.VARIANTS if with_tfmot else training_variants.VARIANTS[:2]


def _batch(case_name: str, options: argparse.Namespace) -> Any:
    case = CASES[case_name]
    return case.batch(options.batch_size or case.batch_size)


def _large(keras: Any, options: argparse.Namespace) -> Any:
    layers = [keras.layers.Dense(options.large_units) for _ in range(options.large_layers)]
    return keras.Sequential([keras.Input((options.large_units,)), *layers])


def _cells(row: Row) -> tuple[str, ...]:
    first = (row["keras"], row["variant"], f"{row['ms_per_step']:.2f}")
    mib = "" if row["peak_mib"] is None else f"{row['peak_mib']:.0f}"
    if row["variant"] == "dense":
        return (*first, "", "", mib, "", "", "")
    return (
        *first,
        f"{row['over_dense']:+.1%}",
        f"{row['cpu_over_dense']:+.1%}",
        mib,
        "" if row["peak_over_dense"] is None else f"{row['peak_over_dense']:+.1%}",
        f"{row['state_bytes'] / row['pruned_kernel_bytes']:.4f}",
        f"{1000 * statistics.median(row['update_s']):.1f}",
    )


def _line(cells: Sequence[str]) -> str:
    widths = (-9, -9, 9, 11, 8, 7, 11, 8, 10)
    return "".join(
        cell.ljust(-width) if width < 0 else cell.rjust(width)
        for cell, width in zip(cells, widths, strict=True)
    ).rstrip()


def _machine() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines() if sys.platform == "linux" else []
    name = next((line.partition(": ")[2] for line in lines if line.startswith("model name")), "?")
    return f"{name}, {os.cpu_count()} cores"


def _write(path: Path, content: dict[str, Any]) -> None:
    """Writes beside the file and renames, so that no reader sees half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(path.name + ".tmp")
    unfinished.write_text(json.dumps(content, indent=2, allow_nan=False) + "\n")
    unfinished.replace(path)


if __name__ == "__main__":
    main()
