"""Cells of the tables of RESULTS.md: of several seeds the mean, with the standard deviation."""

from __future__ import annotations

from statistics import mean, stdev
from typing import Any

from support.rows import Row
from support.scores import relative_loss

COLUMNS = (
    "row",
    "zeros",
    "seed",
    "epochs",
    "dense",
    "dense, trained on",
    "sparse",
    "relative loss",
    "to trained on",
    "in float32",
    "exported",
    "speed-up",
    "seed document, relative loss",
)
# What a score is called in the tables, where others are not shown; accuracy comes without a name.
SHORT = {"accuracy": "", "exact_match": "EM ", "f1": "F1 ", "ap": "AP ", "ap50": "AP50 "}

Result = dict[str, Any]


def cells_of(row: Row, done: list[Result], control: list[Result]) -> dict[str, str]:
    """The cells of a line by column.

    Args:
        row: The row.
        done: Its results, one for each seed.
        control: Those of the row that trained the dense model on; none if it was not run.
    """
    metric = row.metric
    losses = [relative_loss(each["dense"][metric], each["result"][metric]) for each in done]
    served = [each["served"] for each in done if "served" in each]
    cells = {
        "row": row.name,
        "zeros": f"{mean(each['kernel_sparsity'] for each in done):.2%}",
        "seed": ", ".join(str(each["seed"]) for each in done),
        "epochs": str(done[0]["epochs"]),
        "dense": _scores([each["dense"] for each in done]),
        "dense, trained on": "not run",
        "sparse": _scores([each["result"] for each in done]),
        "relative loss": _spread(losses),
        COLUMNS[-1]: published(row),
    }
    if control:
        trained_on = mean(each["result"][metric] for each in control)
        losses = [relative_loss(trained_on, each["result"][metric]) for each in done]
        cells["dense, trained on"] = _scores([each["result"] for each in control])
        cells["to trained on"] = _spread(losses)
    if served:
        cells["in float32"] = _scores([each["float32"] for each in served])
        cells["exported"] = f"{served[0]['precision'].upper()} {_scores(served)}"
        cells["speed-up"] = speedups(served)
    return cells


def _spread(values: list[float]) -> str:
    """The mean, and the standard deviation where values differ."""
    deviation = f" ± {100 * stdev(values):.2f}" if len({*values}) > 1 else ""
    return f"{mean(values):.2%}{deviation}"


def _scores(scores: list[Result]) -> str:
    names = [name for name in SHORT if name in scores[0]]
    return " / ".join(SHORT[name] + _spread([each[name] for each in scores]) for name in names)


def speedups(served: list[Result]) -> str:
    """Speed-ups for each batch, the means over what was served with each seed."""
    batches = zip(*(each["timings"] for each in served), strict=True)
    return " / ".join(f"{mean(time['speedup'] for time in times):.1f}x" for times in batches)


def published(row: Row) -> str:
    """What the seed document reports for the nearest thing."""
    found = row.published
    if found is None:
        return "none"
    numbers = f"{found.dense:.2f} to {found.sparse:.2f}, {found.relative_loss:.2%}"
    return f"{numbers} ({found.model})"
