"""SQuAD v1.1: questions whose answers are parts of a paragraph, split by article.

Its training set may not be at hand; the dev set has 48 articles, which are enough to train a
little and to test. Articles are divided by their places in the order of titles, so that no
paragraph, and no subject, is on both sides.

Reference:

- Rajpurkar et al., "SQuAD: 100,000+ Questions for Machine Comprehension of Text", 2016.
"""

from __future__ import annotations

import gzip
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from support.locations import data_file

FILE = "squad/dev-v1.1-rebuilt.json.gz"
# Of 48 articles: 10 to test, 3 held out of training, 35 to train.
EVERY, TEST = 5, 2
HELD_OUT_EVERY, HELD_OUT = 16, 3


@dataclass(frozen=True)
class Question:
    """A question.

    Attributes:
        context: The paragraph that has the answer.
        text: What is asked.
        answers: What several people gave as the answer.
        answer: The place of the answer to learn in the context.
    """

    context: str
    text: str
    answers: tuple[str, ...]
    answer: tuple[int, int]


@dataclass(frozen=True)
class Squad:
    """The questions to learn from, those held out to choose settings by, those to test on."""

    train: list[Question]
    held_out: list[Question]
    test: list[Question]


def squad(root: Path) -> Squad:
    """Reads the questions.

    Args:
        root: Folder with the data sets.
    """
    with gzip.open(data_file(root, FILE), "rt", encoding="utf-8") as file:
        articles = sorted(json.load(file)["data"], key=lambda article: article["title"])
    parts = Squad([], [], [])
    for place, article in enumerate(articles):
        _part(parts, place).extend(_questions(article))
    return parts


def _part(parts: Squad, place: int) -> list[Question]:
    if place % EVERY == TEST:
        return parts.test
    return parts.held_out if place % HELD_OUT_EVERY == HELD_OUT else parts.train


def _questions(article: dict[str, Any]) -> list[Question]:
    return [
        Question(
            paragraph["context"],
            entry["question"],
            tuple(answer["text"] for answer in entry["answers"]),
            learned(paragraph["context"], entry["answers"]),
        )
        for paragraph in article["paragraphs"]
        for entry in paragraph["qas"]
    ]


def learned(context: str, answers: list[dict[str, Any]]) -> tuple[int, int]:
    """The place of the answer to learn: what most people gave.

    The file names the first place where the words of an answer stand, which may not be the one
    that was meant. So words that stand in one place alone go first.
    """
    sure = [each for each in answers if context.count(each["text"]) == 1] or answers
    texts = [each["text"] for each in sure]
    chosen = max(sure, key=lambda each: texts.count(each["text"]))
    return chosen["answer_start"], chosen["answer_start"] + len(chosen["text"])
