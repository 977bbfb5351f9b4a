"""The data that a conversion is given, and its outputs beside those of the source."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from absl import flags

from tfsparse.cli import exit_codes
from tfsparse.cli.command import CommandError
from tfsparse.cli.inputs import draw, read_npz
from tfsparse.cli.model_files import as_saved_model
from tfsparse.cli.records import is_records, read_records

if TYPE_CHECKING:
    from tfsparse.cli.agreement import Agreement
    from tfsparse.conversion import ConvertedModel
    from tfsparse.serving.signature import Spec

SYNTHETIC = "synthetic"
_ROWS = 256
"""Examples that are drawn."""


def calibration_of(values: flags.FlagValues, source: str) -> dict[str, np.ndarray] | None:
    """The data by name of input; None where none are asked for."""
    if values.calibration is None:
        return None
    if is_records(values.calibration):
        specs = _inputs(source, values)
        return read_records(values.calibration, specs, values.calibration_examples)
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
    """The signature that is compared: the default one, or the first that is kept without it."""
    kept: list[str] = values.signatures or []
    return kept[0] if kept and "serving_default" not in kept else None


def verify(
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
        batches = _batches(_checked(data, specs), values)
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


def _checked(data: Mapping[str, Any], specs: Mapping[str, Spec]) -> dict[str, np.ndarray]:
    """The inputs' examples, of their types."""
    if missing := sorted(set(specs) - set(data)):
        raise CommandError(
            f"--calibration should hold the inputs {sorted(specs)}. Received: {sorted(data)}, "
            f"without {missing}",
            exit_codes.REFUSED,
        )
    arrays = {
        name: np.asarray(data[name]).astype(spec.dtype, copy=False) for name, spec in specs.items()
    }
    if empty := sorted(name for name, array in arrays.items() if array.ndim and not len(array)):
        raise CommandError(
            f"--calibration should have examples. Received: none for {empty}", exit_codes.REFUSED
        )
    return arrays


def _batches(
    data: Mapping[str, np.ndarray], values: flags.FlagValues
) -> list[dict[str, np.ndarray]]:
    rows = min((len(array) for array in data.values() if array.ndim), default=1)
    size = values.batch_size
    return [
        {name: array[start : start + size] if array.ndim else array for name, array in data.items()}
        for start in range(0, rows, size)
    ]


def too_different(agreements: Sequence[Agreement] | None, values: flags.FlagValues) -> bool:
    """Whether outputs cannot be compared, or differ by more than the user allows."""
    return any(
        each.problem != ""
        or (
            values.max_difference is not None
            and each.relative_error is not None
            and each.relative_error > values.max_difference
        )
        for each in agreements or ()
    )
