"""What the programs that prune a model say in the end, and what `results.py` reads of it."""

from __future__ import annotations

import argparse
import time
from typing import Any

from support.scores import Scores, line, relative_loss

NOT_SETTINGS = ("data", "json", "keep")


def say_after(before: Scores, after: Scores) -> None:
    """Prints scores and what was lost; of a score of 0 nothing can be."""
    lost = {name: relative_loss(before[name], after[name]) for name in before if before[name]}
    print(f"After: {line(after)}; relative loss: {line(lost)}", flush=True)


def say_served(found: dict[str, Any]) -> None:
    """Prints what `serving.served` and its like have found."""
    speed = ", ".join(f"{t['speedup']:.2f}x by {t['batch']}" for t in found["timings"])
    served = {name: found[name] for name in found["float32"]}
    print(f"Pruned, in float32: {line(found['float32'])}")
    print(f"Served in {found['precision']}: {line(served)}; {speed}", flush=True)


def outcome(
    arguments: argparse.Namespace,
    before: Scores,
    after: Scores,
    sparsity: float,
    started: float,
    served: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """The result of a program.

    Args:
        arguments: What was asked for.
        before: Scores of the dense model.
        after: Scores of the model that was trained on.
        sparsity: Share of zeros in all pruned kernels.
        started: `time.perf_counter` at the beginning.
        served: From `serving.served` or its like, where the model was exported.
    """
    settings = {k: v for k, v in vars(arguments).items() if k not in NOT_SETTINGS}
    extra = {"served": served} if served else {}
    return {
        **settings,
        **extra,
        "dense": before,
        "result": after,
        "kernel_sparsity": sparsity,
        "seconds": round(time.perf_counter() - started),
    }
