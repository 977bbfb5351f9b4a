"""Does group lasso help a small BERT at 90% in blocks of 4x1? See `--help`.

Prunes the dense model of `bert_mini.py --task sst2` in several ways and scores texts that were
held out of training. The arms of one seed see the same texts in the same order, so they are
compared in pairs. Loss and divergence tell more than accuracy: they count how sure the model is
of every text, and not only of those it is close to changing its mind about.

Each run's result is kept in artifacts/, so what is done is not done again.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from pathlib import Path
from typing import Any

import numpy as np
from support.locations import ARTIFACTS, add_data_argument, write_json
from support.scores import log_softmax

FOLDER = ARTIFACTS / "examples" / "group_lasso"
# What stays the same: words of bert_mini.py's command line.
COMMON = "--task sst2 --pattern 4x1 --sparsity 0.9 --texts 9600 --batch 32 --dtype auto"
SEEDS = 3
# Arm: its words, and the arm without lasso that it is compared with. Blocks are chosen by
# gradients over the whole model, as in RESULTS.md, or by magnitude in each kernel, the library's
# default.
MAGNITUDE = "--criterion l2_norm --scope local"
ARMS = {
    "gradient": ("", None),
    "gradient, penalty": ("--group-lasso 2e-4", "gradient"),
    "magnitude": (MAGNITUDE, None),
    "magnitude, penalty": (f"{MAGNITUDE} --group-lasso 2e-4", "magnitude"),
    "magnitude, penalty to the end": (
        f"{MAGNITUDE} --group-lasso 2e-4 --lasso-to-the-end",
        "magnitude",
    ),
    "magnitude, proximal": (
        f"{MAGNITUDE} --group-lasso 5e-5 --lasso-form proximal",
        "magnitude",
    ),
    "magnitude, proximal to the end": (
        f"{MAGNITUDE} --group-lasso 5e-5 --lasso-form proximal --lasso-to-the-end",
        "magnitude",
    ),
}
# Every so many-th of the texts held out, to take less time.
EVERY = 2

ABOUT = """\
Written by `python examples/group_lasso_experiment.py`. The dense model is pruned in 300 steps of 32
texts with Adam and scored on 3,585 texts held out of training; means over seeds. **Gradient** ranks
blocks by the momentum of gradients over the whole model, **magnitude** by norm in each kernel.
**Loss** is the cross entropy. **Divergence** is that of Kullback and Leibler, of the model's
predictions from the dense one's: less is nearer. The last column compares seed by seed (with its
standard error from two seeds on); below zero, group lasso has helped. Strengths are 2e-4 for the
penalty and 5e-5 for the proximal form."""

Measures = dict[str, float]


def measures(logits: np.ndarray, dense: np.ndarray, labels: np.ndarray) -> Measures:
    """How well logits fit the labels, and how far they are from those of the dense model.

    Args:
        logits: What the model gives, (texts, classes).
        dense: What the dense model gives.
        labels: Classes, (texts,).

    Returns:
        The accuracy, the cross entropy, and the Kullback-Leibler divergence
        ``sum_c p_c (log p_c - log q_c)``, where p is the dense model's; means over texts.
    """
    found, before = log_softmax(logits), log_softmax(dense)
    return {
        "accuracy": float((logits.argmax(axis=1) == labels).mean()),
        "loss": float(-found[np.arange(len(labels)), labels].mean()),
        "divergence": float((np.exp(before) * (before - found)).sum(axis=1).mean()),
    }


def file_of(folder: Path, arm: str, seed: int) -> Path:
    """Where the result of a run is."""
    return folder / f"{arm.replace(',', '').replace(' ', '-')}-{seed}.json"


def run(arms: list[str], seeds: int, folder: Path, data: Path) -> None:
    """Makes the runs that are not done, seed by seed."""
    # Only here: they load Keras, which to print a table would take long.
    import bert_mini
    from support import pruning_job

    common = [*COMMON.split(), "--data", str(data)]
    experiment = bert_mini.Experiment(bert_mini.parsed(common))
    chosen = np.arange(0, len(experiment.held_out.tokens), EVERY)
    held_out = experiment.held_out.taken(chosen)

    def logits(model: Any) -> np.ndarray:
        return experiment.outputs(model, held_out)[:, : bert_mini.CLASSES]

    dense = logits(experiment.dense)
    write_json(folder / "dense.json", measures(dense, dense, held_out.labels))
    for seed in range(seeds):
        for arm in arms:
            if file_of(folder, arm, seed).is_file():
                continue
            started = time.perf_counter()
            arguments = bert_mini.parsed([*common, "--seed", str(seed), *ARMS[arm][0].split()])
            pruned, report = pruning_job.prune(experiment.start(), experiment, arguments)
            found = measures(logits(pruned), dense, held_out.labels)
            found |= {"sparsity": report.total_sparsity}
            print(f"{arm}, seed {seed}: {found}", flush=True)
            seconds = round(time.perf_counter() - started)
            write_json(file_of(folder, arm, seed), {**found, "seconds": seconds})


def table(folder: Path) -> str:
    """What is done, in Markdown."""
    lines = [
        "| arm | seeds | accuracy | loss | divergence from dense | less that without lasso |",
        "| --- " * 6 + "|",
    ]
    if (folder / "dense.json").is_file():
        dense = json.loads((folder / "dense.json").read_text())
        lines.append(f"| dense | | {dense['accuracy']:.2%} | {dense['loss']:.4f} | 0 | |")
    return "\n".join(lines + [_line(folder, arm, baseline) for arm, (_, baseline) in ARMS.items()])


def _read(folder: Path, arm: str) -> dict[str, Measures]:
    """Results of an arm by seed."""
    stem = file_of(folder, arm, 0).stem.rpartition("-")[0]
    paths = [path for path in folder.glob("*.json") if path.stem.rpartition("-")[0] == stem]
    return {path.stem.rpartition("-")[2]: json.loads(path.read_text()) for path in paths}


def _line(folder: Path, arm: str, baseline: str | None) -> str:
    found = _read(folder, arm)
    if not found:
        return f"| {arm} | not run " + "| " * 4 + "|"
    cells = [arm, str(len(found))]
    for name, form in (("accuracy", "{:.2%}"), ("loss", "{:.4f}"), ("divergence", "{:.4f}")):
        cells.append(form.format(np.mean([result[name] for result in found.values()])))
    without = _read(folder, baseline) if baseline else {}
    pairs = [
        result["divergence"] - without[seed]["divergence"]
        for seed, result in found.items()
        if seed in without
    ]
    cells.append(_mean_and_error(pairs) if pairs else "")
    return "| " + " | ".join(cells) + " |"


def _mean_and_error(values: list[float]) -> str:
    mean = f"{np.mean(values):+.4f}"
    if len(values) == 1:
        return mean
    return f"{mean} ± {np.std(values, ddof=1) / math.sqrt(len(values)):.4f}"


def main() -> None:
    """Makes the runs and prints their table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n\n")[2])
    parser.add_argument("--arm", nargs="+", choices=list(ARMS), default=list(ARMS), metavar="ARM")
    parser.add_argument("--seeds", type=int, default=SEEDS, help="how many (%(default)s)")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="of results (%(default)s)")
    add_data_argument(parser)
    arguments = parser.parse_args()
    run(arguments.arm, arguments.seeds, arguments.folder, arguments.data)
    print(table(arguments.folder))


if __name__ == "__main__":
    main()
