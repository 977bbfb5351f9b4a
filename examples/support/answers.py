"""How right an answer is, by SQuAD's definition.

Answers are compared in lower case, without punctuation and articles. "Exact match" is whether
one of the references is equal, F1 that of the words in common with the best of them.

Reference:

- Rajpurkar et al., "SQuAD: 100,000+ Questions for Machine Comprehension of Text", 2016.
"""

from __future__ import annotations

import re
import string
from collections import Counter
from collections.abc import Iterable

import numpy as np

from support.scores import Scores

_PUNCTUATION = str.maketrans("", "", string.punctuation)
_ARTICLES = re.compile(r"\b(a|an|the)\b")


def normalized(answer: str) -> str:
    """Lower-case words of an answer without punctuation and articles."""
    return " ".join(_ARTICLES.sub(" ", answer.lower().translate(_PUNCTUATION)).split())


def f1(given: str, reference: str) -> float:
    """F1 of the words that two answers have in common."""
    words = [normalized(answer).split() for answer in (given, reference)]
    common = (Counter(words[0]) & Counter(words[1])).total()
    return 2 * common / (len(words[0]) + len(words[1])) if common else 0.0


def answer_scores(given: list[str], references: Iterable[tuple[str, ...]]) -> Scores:
    """Means over questions.

    Args:
        given: An answer to each question.
        references: Those that are right.

    Returns:
        ``"exact_match"`` and ``"f1"``, both from 0 to 1.
    """
    pairs = list(zip(given, references, strict=True))
    exact = [normalized(answer) in map(normalized, right) for answer, right in pairs]
    best = [max(f1(answer, each) for each in right) for answer, right in pairs]
    return {"exact_match": float(np.mean(exact)), "f1": float(np.mean(best))}
