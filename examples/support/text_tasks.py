"""SST-2 and MRPC: reads the files, encodes the texts, makes batches of like length."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tensorflow as tf

from support.locations import data_file
from support.word_pieces import WordPieces

# Batches whose texts are sorted by length together.
SORTED_BATCHES = 32
# Held out of training, to choose settings by: sentences of SST-2, and every fifth pair of MRPC.
HELD_OUT_SENTENCES = 500
HELD_OUT_PAIRS = 5

Example = tuple[tuple[str, ...], int]


@dataclass(frozen=True)
class Task:
    """A text classification task.

    Attributes:
        name: "sst2" or "mrpc".
        train: Texts (one or a pair) with their class, 0 or 1.
        test: The owners' dev set of SST-2 and their test set of MRPC.
        held_out: The owners' training texts that no labels are learned from, so that
            settings can be chosen by them and not by the test set.
    """

    name: str
    train: list[Example]
    test: list[Example]
    held_out: list[Example]

    def texts(self) -> Iterator[str]:
        """Every text to train on or held out."""
        for texts, _ in self.train + self.held_out:
            yield from texts


def _lines(path: Path) -> list[list[str]]:
    with gzip.open(path, "rt", encoding="utf-8-sig", newline="\n") as file:
        return [line.rstrip("\r\n").split("\t") for line in file][1:]


def sst2(root: Path, held_out: int = HELD_OUT_SENTENCES) -> Task:
    """SST-2: 67,349 phrases of film reviews to train on, 872 sentences to test on.

    Args:
        root: Folder with the data sets.
        held_out: How many sentences are, and with them every phrase that stands in one.
    """
    train, dev = (
        [((text.strip(),), int(label)) for text, label in _lines(data_file(root, name))]
        for name in ("sst2/train.tsv.gz", "sst2/dev.tsv.gz")
    )
    sentences = "\n".join(_sentences([text for (text,), _ in train], held_out))
    parts: tuple[list[Example], list[Example]] = [], []
    for example in train:
        parts[f" {example[0][0]} " in sentences].append(example)
    return Task("sst2", parts[0], dev, parts[1])


def _sentences(phrases: list[str], count: int) -> list[str]:
    """Whole sentences among phrases, drawn by a phrase each and put between blanks."""
    # The longest first, so that the first place where a phrase stands is in its sentence.
    lines = "\n".join(f" {phrase} " for phrase in sorted(set(phrases), key=lambda p: (-len(p), p)))
    found: set[str] = set()
    for place in np.random.default_rng(0).permutation(len(phrases)):
        if len(found) == count:
            break
        start = lines.index(f" {phrases[place]} ")
        found.add(lines[lines.rfind("\n", 0, start + 1) + 1 :].partition("\n")[0])
    return sorted(found)


def mrpc(root: Path) -> Task:
    """MRPC: 4,076 pairs of sentences to train on, 1,725 to test on; 1 is a paraphrase.

    Every fifth pair is held out.
    """
    train, test = (
        [((first, second), int(label)) for label, _, _, first, second in _lines(path)]
        for path in (
            data_file(root, f"mrpc/msr_paraphrase_{part}.txt.gz") for part in ("train", "test")
        )
    )
    kept = [pair for place, pair in enumerate(train) if place % HELD_OUT_PAIRS]
    return Task("mrpc", kept, test, held_out=train[::HELD_OUT_PAIRS])


TASKS = {"sst2": sst2, "mrpc": mrpc}


@dataclass(frozen=True)
class Encoded:
    """Texts as ids.

    Attributes:
        tokens: Ids of every text's pieces.
        segments: 0 for the first text of a pair, 1 for the second.
        labels: One row for every text: classes, or what a model gave for it.
    """

    tokens: list[list[int]]
    segments: list[list[int]]
    labels: np.ndarray

    @classmethod
    def of(cls, examples: list[Example], pieces: WordPieces) -> Encoded:
        """Encodes examples."""
        pairs = [pieces.encode(*texts) for texts, _ in examples]
        labels = np.array([label for _, label in examples], np.int32)
        return cls([tokens for tokens, _ in pairs], [segments for _, segments in pairs], labels)

    def taken(self, order: np.ndarray) -> Encoded:
        """The texts of these places, in this order."""
        return Encoded(
            [self.tokens[i] for i in order], [self.segments[i] for i in order], self.labels[order]
        )

    def batches(self, size: int, seed: int | None = None) -> tf.data.Dataset:
        """Batches of texts of like length, padded to the longest of each.

        Args:
            size: Texts in a batch.
            seed: Shuffles, anew in each epoch; None keeps the order, to predict.

        Returns:
            Dataset of ``({"tokens": (size, length), "segments": (size, length)}, labels)``,
            int32, which knows how many batches it has.
        """
        random = None if seed is None else np.random.default_rng(seed)

        def batch(chosen: np.ndarray) -> tuple[dict[str, np.ndarray], np.ndarray]:
            features = {"tokens": self.tokens, "segments": self.segments}
            return (
                {name: padded([rows[i] for i in chosen]) for name, rows in features.items()},
                self.labels[chosen],
            )

        ids = tf.TensorSpec([None, None], tf.int32)
        labels = tf.TensorSpec([None, *self.labels.shape[1:]], self.labels.dtype)
        dataset = tf.data.Dataset.from_generator(
            lambda: map(batch, self._shuffled(size, random)),
            output_signature=({"tokens": ids, "segments": ids}, labels),
        )
        count = -(-len(self.tokens) // size)
        return dataset.apply(tf.data.experimental.assert_cardinality(count)).prefetch(8)

    def _shuffled(self, size: int, random: np.random.Generator | None) -> list[np.ndarray]:
        """Which texts each batch of an epoch has."""
        if random is None:
            order = np.arange(len(self.tokens))
            return [order[start : start + size] for start in range(0, len(order), size)]
        # Sorted by length within large pieces of a random order: hardly any padding, and
        # still other company for each text in each epoch.
        order = random.permutation(len(self.tokens))
        lengths = np.array([len(tokens) for tokens in self.tokens])
        batches = []
        for start in range(0, len(order), SORTED_BATCHES * size):
            piece = order[start : start + SORTED_BATCHES * size]
            piece = piece[np.argsort(lengths[piece], kind="stable")]
            batches += [piece[first : first + size] for first in range(0, len(piece), size)]
        random.shuffle(batches)  # type: ignore[arg-type]
        return batches


def padded(rows: list[list[int]]) -> np.ndarray:
    """Rows of ids, with zeros up to the length of the longest: int32 (rows, length)."""
    array = np.zeros((len(rows), max(map(len, rows))), np.int32)
    for target, row in zip(array, rows, strict=True):
        target[: len(row)] = row
    return array
