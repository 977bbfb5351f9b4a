"""The rows of RESULTS.md: what is run for each, and what the seed document reports."""

from __future__ import annotations

from dataclasses import dataclass

# Strength of the group lasso in the rows that have one.
LASSO = {"cifar10": 1e-4, "mrpc": 2e-4, "sst2": 2e-4}
METRIC = {"bccd": "ap", "cifar10": "accuracy", "mrpc": "f1", "sst2": "accuracy"}

# All other tasks are BERT's.
PROGRAMS = {"bccd": ["examples/ssd_bccd.py"], "cifar10": ["examples/cifar_networks.py"]}


@dataclass(frozen=True)
class Published:
    """A row of the seed document's table: scores in per cent."""

    model: str
    sparse: float
    dense: float

    @property
    def relative_loss(self) -> float:
        """Share of the dense model's score that was lost."""
        return (self.dense - self.sparse) / self.dense


# Under MRPC the seed document's numbers are F1: those of Neural Compressor's pruning
# examples, where each is the best of several runs.
PUBLISHED = {
    ("mrpc", "4x1", 0.9): Published("BERT mini, MRPC", 87.22, 87.52),
    ("mrpc", "2:4", 0.5): Published("BERT mini, MRPC", 86.95, 87.52),
    ("sst2", "4x1", 0.9): Published("BERT mini, SST-2", 86.92, 87.61),
    ("sst2", "2:4", 0.5): Published("BERT mini, SST-2", 86.93, 87.61),
    ("sst2", "4x1", 0.8): Published("BERT mini, SQuAD", 76.27, 76.87),
    ("mrpc", "4x1", 0.8): Published("BERT mini, SQuAD", 76.27, 76.87),
    ("cifar10", "2x1", 0.75): Published("ResNet50, ImageNet, 78%", 75.3, 76.13),
    ("bccd", "2x1", 0.75): Published("SSD-ResNet34, COCO, mAP", 22.85, 23.0),
}


@dataclass(frozen=True)
class Row:
    """One run.

    Attributes:
        task: "bccd", "cifar10", "mrpc" or "sst2".
        pattern: A pattern, or "dense": as much training without pruning.
        sparsity: Share of zeros aimed at.
        lasso: Whether with group lasso.
    """

    task: str
    pattern: str
    sparsity: float = 0.0
    lasso: bool = False

    @property
    def name(self) -> str:
        """As `results.py --row` takes it: "sst2/4x1/0.9/lasso"."""
        parts = [self.task, self.pattern]
        parts += [str(self.sparsity)] if self.sparsity else []
        parts += ["lasso"] if self.lasso else []
        return "/".join(parts)

    @property
    def file_name(self) -> str:
        """Name of the result's file."""
        return self.name.replace("/", "-").replace(":", "in") + ".json"

    @property
    def metric(self) -> str:
        """The score that is compared."""
        return METRIC[self.task]

    @property
    def published(self) -> Published | None:
        """What the seed document reports for the nearest thing, if it does."""
        return PUBLISHED.get((self.task, self.pattern, self.sparsity))

    def command(self) -> list[str]:
        """The program and its arguments."""
        bert = ["examples/bert_mini.py", "--task", self.task]
        command = list(PROGRAMS.get(self.task, bert))
        command += ["--pattern", self.pattern]
        command += ["--sparsity", str(self.sparsity)] if self.sparsity else []
        command += ["--group-lasso", str(LASSO[self.task])] if self.lasso else []
        if self.task == "cifar10":
            return command
        if self.task != "bccd":
            # A third less time where the processor multiplies bfloat16; the dense model is
            # scored in it too.
            command += ["--dtype", "auto"]
        return command if self.pattern == "dense" else [*command, "--serve", "int8"]


def _rows(task: str, prunings: list[tuple[str, float]]) -> list[Row]:
    pruned = [Row(task, *pruning, lasso) for pruning in prunings for lasso in (False, True)]
    return [Row(task, "dense"), *pruned]


ROWS = [
    *_rows("sst2", [("4x1", 0.9), ("4x1", 0.8), ("2:4", 0.5)]),
    *_rows("mrpc", [("4x1", 0.9), ("4x1", 0.8), ("2:4", 0.5)]),
    Row("cifar10", "dense"),
    Row("cifar10", "2x1", 0.75),
    Row("cifar10", "4x1", 0.7),
    Row("bccd", "dense"),
    Row("bccd", "2x1", 0.75),
]
