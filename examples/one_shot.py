"""How much accuracy does pruning without training cost? See `--help`.

Prunes the trained ResNet-20 of `cifar_networks.py`, or the BERT of `bert_mini.py --task sst2`, by
magnitude and by `tfsparse.prune_one_shot`, with one sparsity for all layers and with the sparsity
allocated by the error, at several patterns and sparsities, and scores each on the test set. A seed
draws the training examples to calibrate with; their labels are not used. ResNet-20 is scored with
and without `tfsparse.recalibrate` on the same examples.

Each result is kept in artifacts/, so what is done is not done again.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from support import earlier
from support.locations import ARTIFACTS, add_data_argument, data_file, write_json
from support.scores import scores

FOLDER = ARTIFACTS / "examples" / "one_shot"
TITLE = "Without training"
TASKS = {"cifar10": "ResNet-20, CIFAR-10", "sst2": "BERT mini, SST-2"}
SEEDS = 3
EXAMPLES = {"cifar10": 128, "sst2": 512}
EXCLUDED = {"cifar10": ["conv1", "linear"], "sst2": ["class"]}
PATTERNS = ("4x1", "2x1", "16x4", "1x1")
SPARSITIES = (0.5, 0.7, 0.8, 0.9)
TRIALS = [(p, s) for s in SPARSITIES for p in PATTERNS] + [("2:4", 0.5)]
METHODS = ("magnitude", "one-shot", "allocated")
ABOUT_RUNS = ("zeros", "seeds")  # columns
PICTURE = "![Points lost against zeros, for each pattern](one_shot.svg)"

ABOUT = """\
Written by `python examples/one_shot.py`: nothing is trained. **Magnitude** is `tfsparse.OneShot`,
**one-shot** is `tfsparse.prune_one_shot` with the same layers left dense, calibrated with training
examples without their labels: 128 images, shifted and flipped as in training, or 512 sentences.
**Allocated** is the same with `scope="global"`: the sparsity is divided among the layers by the
error. **Recalibrated** is after `tfsparse.recalibrate` on them, where there is
BatchNormalization. Points of accuracy lost on the test set; means over seeds, which draw the
examples, with the standard deviation from two seeds on."""

Score = Callable[[Any], float]


@dataclass(frozen=True)
class Subject:
    """A trained model and what to do with it.

    Attributes:
        model: The model.
        score: Accuracy of a model on the test set.
        examples: For a seed, examples to calibrate with.
        recalibrates: Whether the model has BatchNormalization.
    """

    model: Any
    score: Score
    examples: Callable[[int], Any]
    recalibrates: bool


def cifar10(data: Path) -> Subject:
    """ResNet-20 with trained weights."""
    from support import cifar10 as task
    from support import cifar_models

    (train, train_labels), (images, labels) = task.load(data)
    model = cifar_models.resnet(20)
    cifar_models.set_weights(model, data_file(data, "cifar10_resnet_weights/resnet20.npz"))

    def score(model: Any) -> float:
        return scores(model.predict(images, verbose=0), labels)["accuracy"]

    def examples(seed: int) -> np.ndarray:
        count = EXAMPLES["cifar10"]
        chosen = np.random.default_rng(seed).permutation(len(train))[:count]
        # Shifted and flipped, as in training: statistics of BatchNormalization are of that.
        shifted = task.augmented((train[chosen], train_labels[chosen]), count, seed)
        return np.asarray(next(iter(shifted))[0])

    return Subject(model, score, examples, recalibrates=True)


def sst2(data: Path) -> Subject:
    """The small BERT, trained on SST-2; trained now if it was not yet."""
    import bert_mini

    experiment = bert_mini.Experiment(bert_mini.parsed(["--task", "sst2", "--data", str(data)]))

    def score(model: Any) -> float:
        return experiment.score(model)["accuracy"]

    def examples(seed: int) -> list[Any]:
        chosen = np.random.default_rng(seed).permutation(len(experiment.train.tokens))
        taken = experiment.train.taken(chosen[: EXAMPLES["sst2"]])
        return list(taken.batches(bert_mini.PREDICT_BATCH, seed=0))

    return Subject(experiment.dense, score, examples, recalibrates=False)


def trial(subject: Subject, task: str, pattern: str, sparsity: float, seed: int) -> dict[str, Any]:
    """Accuracies of one pattern at one sparsity."""
    # Only here: it loads TensorFlow, which to print a table would take long.
    import tfsparse

    examples = subject.examples(seed)
    found: dict[str, Any] = {}
    # The pattern K:N has one sparsity, which cannot be divided otherwise.
    for name in METHODS if ":" not in pattern else METHODS[:2]:
        started = time.process_time()
        model = _pruned(name, subject, examples, pattern, sparsity, EXCLUDED[task])
        found[f"{name}, CPU seconds"] = round(time.process_time() - started, 1)
        found[name] = subject.score(model)
        if subject.recalibrates:
            tfsparse.recalibrate(model, examples, batch_size=128)
            found[f"{name}, recalibrated"] = subject.score(model)
        found["sparsity"] = tfsparse.sparsity_report(model).total_sparsity
    return found


def _pruned(
    method: str, subject: Subject, examples: Any, pattern: str, sparsity: float, exclude: list[str]
) -> Any:
    import tfsparse

    if method == "magnitude":
        once = tfsparse.OneShot(sparsity)
        return tfsparse.prune_block(subject.model, pattern, once, exclude=exclude)
    return tfsparse.prune_one_shot(
        subject.model,
        examples,
        pattern,
        sparsity,
        scope="global" if method == "allocated" else "local",
        exclude=exclude,
        batch_size=128,
    )


def file_of(folder: Path, task: str, pattern: str, sparsity: float, seed: int) -> Path:
    """Where the result of a trial is."""
    return folder / f"{task}-{pattern.replace(':', 'in')}-{sparsity}-{seed}.json"


def run(task: str, trials: list[tuple[str, float]], seeds: int, folder: Path, data: Path) -> None:
    """Makes the trials that are not done, seed by seed."""
    subject = {"cifar10": cifar10, "sst2": sst2}[task](data)
    path = folder / f"{task}-dense.json"
    if not path.is_file():
        write_json(path, {"accuracy": subject.score(subject.model)})
    for seed in range(seeds):
        for pattern, sparsity in trials:
            path = file_of(folder, task, pattern, sparsity, seed)
            if not path.is_file():
                found = trial(subject, task, pattern, sparsity, seed)
                print(f"{task} {pattern} {sparsity:.0%}, seed {seed}: {found}", flush=True)
                write_json(path, found)


def table(folder: Path, task: str, before: str = "") -> str:
    """What is done of a task, in Markdown; nothing if nothing is.

    Args:
        folder: Of the results.
        task: The task.
        before: The table as it was. What was not done here stays, if the dense model is as good.
    """
    path = folder / f"{task}-dense.json"
    if not path.is_file():
        return before
    dense = json.loads(path.read_text())["accuracy"]
    head = f"Dense: {dense:.2%}. Points lost:"
    names = _columns(task)
    columns = ["pattern", *ABOUT_RUNS, *names]
    rows = earlier.table(before, keys=2) if head in before else {}
    for pattern, sparsity in TRIALS:
        if found := _read(folder, task, pattern, sparsity):
            values = [pattern, f"{found[0]['sparsity']:.0%}", str(len(found))]
            values += [_points(_lost(found, name, dense), len(found)) for name in names]
            rows[" | ".join(values[:2])] = dict(zip(columns, values, strict=True))
    lines = [columns, ["---"] * len(columns)]
    lines += [[rows[key].get(name, "") for name in columns] for key in sorted(rows)]
    return "\n".join([head, "", *(f"| {' | '.join(line)} |" for line in lines)])


def document(folder: Path, text: str = "") -> str:
    """What RESULTS.md has under `TITLE`; nothing if nothing is done.

    Args:
        folder: Of the results.
        text: What it had, which stays for what was not done here.
    """
    before = earlier.sections(text, level=3)
    tables = {title: table(folder, task, before.get(title, "")) for task, title in TASKS.items()}
    parts = [f"### {title}\n\n{each}" for title, each in tables.items() if each]
    picture = [PICTURE] if panels(folder) or PICTURE in text else []
    return "\n\n".join([ABOUT, *picture, *parts]) if parts else ""


def is_whole(folder: Path, text: str) -> bool:
    """Whether what was done here has all that a text has, so that the picture may be drawn anew."""
    before = earlier.sections(text, level=3)
    return all(
        table(folder, task) == table(folder, task, before.get(title, ""))
        for task, title in TASKS.items()
    )


def panels(folder: Path) -> dict[str, dict[str, list[tuple[float, list[float]]]]]:
    """Curves to plot, for each pattern that was tried at more than one sparsity."""
    found: dict[str, dict[str, list[tuple[float, list[float]]]]] = {}
    for task, title in TASKS.items():
        path = folder / f"{task}-dense.json"
        dense = json.loads(path.read_text())["accuracy"] if path.is_file() else 0.0
        for pattern in PATTERNS:
            curves: dict[str, list[tuple[float, list[float]]]] = {}
            for sparsity in SPARSITIES:
                results = _read(folder, task, pattern, sparsity)
                for name in _columns(task):
                    if lost := _lost(results, name, dense):
                        curves.setdefault(name, []).append((results[0]["sparsity"], lost))
            if any(len(curve) > 1 for curve in curves.values()):
                found[f"{title}, {pattern}"] = curves
    return found


def _read(folder: Path, task: str, pattern: str, sparsity: float) -> list[dict[str, Any]]:
    """Results of a trial, one for each seed."""
    paths = (file_of(folder, task, pattern, sparsity, seed) for seed in range(100))
    return [json.loads(path.read_text()) for path in paths if path.is_file()]


def _columns(task: str) -> list[str]:
    names = list(METHODS)
    return names + [f"{name}, recalibrated" for name in METHODS] * (task == "cifar10")


def _lost(found: list[dict[str, Any]], name: str, dense: float) -> list[float]:
    return [100 * (dense - one[name]) for one in found if name in one]


def _points(lost: list[float], seeds: int) -> str:
    """Mean and deviation, with the number of seeds where it is not that of the row."""
    if 0 < len(lost) < seeds:
        return f"{_points(lost, len(lost))} ({len(lost)} seed{'s' * (len(lost) > 1)})"
    if not lost:
        return ""
    mean = f"{np.mean(lost):.2f}"
    spread = np.std(lost, ddof=1) if len(lost) > 1 else 0.0
    return f"{mean} ± {spread:.2f}" if round(spread, 2) else mean


def main() -> None:
    """Makes the trials and prints their tables."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n\n")[2])
    parser.add_argument("--task", nargs="+", choices=list(TASKS), default=list(TASKS))
    parser.add_argument("--pattern", nargs="+", help="only these patterns")
    parser.add_argument("--sparsity", nargs="+", type=float, help="only these sparsities")
    parser.add_argument("--seeds", type=int, default=SEEDS, help="how many (%(default)s)")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="of results (%(default)s)")
    add_data_argument(parser)
    arguments = parser.parse_args()
    trials = [
        (pattern, sparsity)
        for pattern, sparsity in TRIALS
        if pattern in (arguments.pattern or [pattern])
        and sparsity in (arguments.sparsity or [sparsity])
    ]
    for task in arguments.task:
        run(task, trials, arguments.seeds, arguments.folder, arguments.data)
    print(document(arguments.folder))


if __name__ == "__main__":
    main()
