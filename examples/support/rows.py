"""The rows of RESULTS.md: what is run for each, and what the seed document reports."""

from __future__ import annotations

from dataclasses import dataclass, replace

# Strength of the group lasso in the rows that have one.
LASSO = {"cifar10": 1e-4, "mrpc": 2e-4, "sst2": 2e-4}
METRIC = {
    "bccd": "ap",
    "cifar10": "accuracy",
    "minilm": "f1",
    "mrpc": "f1",
    "squad": "f1",
    "sst2": "accuracy",
}
# What a row begins its command with.
PROGRAMS = {
    "bccd": ["examples/ssd_bccd.py"],
    "cifar10": ["examples/cifar_networks.py"],
    "minilm": ["examples/bert_squad.py", "--model", "minilm"],
    "mrpc": ["examples/bert_mini.py", "--task", "mrpc"],
    "squad": ["examples/bert_squad.py", "--model", "mini"],
    "sst2": ["examples/bert_mini.py", "--task", "sst2"],
}


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


# Under MRPC and SQuAD the seed document's numbers are F1: those of Neural Compressor's pruning
# examples, where each is the best of several runs.
PUBLISHED = {
    ("mrpc", "4x1", 0.9): Published("BERT mini, MRPC", 87.22, 87.52),
    ("mrpc", "2:4", 0.5): Published("BERT mini, MRPC", 86.95, 87.52),
    ("sst2", "4x1", 0.9): Published("BERT mini, SST-2", 86.92, 87.61),
    ("sst2", "2:4", 0.5): Published("BERT mini, SST-2", 86.93, 87.61),
    ("squad", "4x1", 0.8): Published("BERT mini, SQuAD", 76.27, 76.87),
    ("squad", "2:4", 0.5): Published("BERT mini, SQuAD", 76.85, 76.87),
    ("minilm", "2x1", 0.7): Published("BERT large, SQuAD", 90.70, 91.34),
    ("cifar10", "2x1", 0.75): Published("ResNet50, ImageNet, 78%", 75.3, 76.13),
    ("bccd", "2x1", 0.75): Published("SSD-ResNet34, COCO, mAP", 22.85, 23.0),
}


@dataclass(frozen=True)
class Row:
    """One run.

    Attributes:
        task: "bccd", "cifar10", "mrpc", "sst2"; of SQuAD "squad" with BERT mini, or "minilm" with
            MiniLM.
        pattern: A pattern, or "dense": as much training without pruning.
        sparsity: Share of zeros aimed at.
        lasso: Whether with group lasso.
        seed: Of what is random while it trains on.
    """

    task: str
    pattern: str
    sparsity: float = 0.0
    lasso: bool = False
    seed: int = 0

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
        seed = f"-seed{self.seed}" if self.seed else ""
        return self.name.replace("/", "-").replace(":", "in") + seed + ".json"

    def with_seed(self, seed: int) -> Row:
        """The same with another seed."""
        return replace(self, seed=seed)

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
        command = list(PROGRAMS[self.task])
        command += ["--pattern", self.pattern]
        command += ["--sparsity", str(self.sparsity)] if self.sparsity else []
        command += ["--group-lasso", str(LASSO[self.task])] if self.lasso else []
        command += ["--seed", str(self.seed)] if self.seed else []
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
    Row("squad", "dense"),
    Row("squad", "4x1", 0.8),
    Row("squad", "2:4", 0.5),
    Row("minilm", "dense"),
    Row("minilm", "2x1", 0.7),
    Row("minilm", "4x1", 0.8),
    Row("cifar10", "dense"),
    Row("cifar10", "2x1", 0.75),
    Row("cifar10", "4x1", 0.7),
    Row("bccd", "dense"),
    Row("bccd", "2x1", 0.75),
]
