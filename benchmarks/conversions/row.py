"""A row of the table: a model that is written, loaded, converted and compared."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from benchmarks.harness import child

STEPS = "benchmarks.conversions.steps"
MB = 1e6
KEYS = (
    *("model", "precision", "converted", "products", "difference", "mb_before", "mb_after"),
    *("peak_mb", "peak_over_size", "seconds", "error"),
)


def rows(name: str, precisions: Sequence[str], most_bytes: float) -> Iterator[dict[str, Any]]:
    """Converts a model in each precision.

    Args:
        name: See `registry.find`.
        precisions: ``"fp32"``, ``"bf16"`` or ``"int8"``.
        most_bytes: Memory at which a step is ended.

    Yields:
        Rows with `KEYS`. What is not known is None. ``peak_mb`` is the peak of the process that
        converts less that of a process that only loads the source.
    """
    with tempfile.TemporaryDirectory(prefix="conversions-") as scratch:
        request = {"folder": scratch}
        empty = dict.fromkeys(KEYS) | {"model": name.rpartition(":")[2]}
        try:
            written = _do(request, "write", most_bytes, model=name)
            loaded = _do(request, "load", most_bytes)
        except child.ChildError as error:
            for precision in precisions:
                yield empty | {"precision": precision, "error": f"no source. {error}"}
            return
        size = written["bytes"]
        for precision in precisions:
            row = empty | {"precision": precision, "mb_before": size / MB}
            try:
                done = _do(request, "convert", most_bytes, precision=precision)
                peak = done["peak_bytes"] - loaded["peak_bytes"]
                row |= {key: done[key] for key in ("converted", "products", "seconds")}
                row |= {"mb_after": done["bytes"] / MB}
                row |= {"peak_mb": peak / MB, "peak_over_size": peak / size}
                row |= {"difference": _do(request, "compare", most_bytes)["difference"]}
            except child.ChildError as error:
                row |= {"error": str(error)}
            shutil.rmtree(Path(scratch, "converted"), ignore_errors=True)
            yield row


def _do(request: dict[str, Any], step: str, most_bytes: float, **more: Any) -> dict[str, Any]:
    return child.run(STEPS, request | {"step": step} | more, most_bytes=most_bytes)
