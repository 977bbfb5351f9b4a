"""Questions with a window of their paragraph each, as a BERT reads them, and back to answers.

A paragraph that is too long for the model is cut into windows that overlap. Each is
[CLS] question [SEP] window [SEP]. To learn, an answer is the places of its first and its last
piece; where a window does not have it whole, both are the place of [CLS]. To answer, the best
span of all windows of a question is taken.

Reference:

- Devlin et al., "BERT: Pre-training of Deep Bidirectional Transformers for Language
  Understanding", 2019.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from support.squad import Question
from support.text_tasks import Encoded
from support.word_pieces import Place, WordPieces

LENGTH = 256
STRIDE = 128
# An answer has no more pieces.
LONGEST_ANSWER = 30


@dataclass(frozen=True)
class Windows:
    """Windows of some questions' paragraphs.

    Attributes:
        questions: The questions.
        encoded: The windows; labels are places of the first and the last piece of the answer,
            (windows, 2, 1).
        asked: Which question each window is of.
        first: Where in each window the paragraph begins.
        places: Which characters of the paragraph its pieces stand for.
    """

    questions: list[Question]
    encoded: Encoded
    asked: list[int]
    first: list[int]
    places: list[list[Place]]

    @classmethod
    def of(
        cls,
        questions: list[Question],
        pieces: WordPieces,
        length: int = LENGTH,
        stride: int = STRIDE,
    ) -> Windows:
        """Cuts windows.

        Args:
            questions: The questions.
            pieces: The vocabulary.
            length: The most pieces of a window with its question and the marks.
            stride: How many pieces of the paragraph further the next window begins, at most.
        """
        located = lru_cache(maxsize=64)(pieces.located)
        windows = cls(questions, Encoded([], [], np.zeros(0)), [], [], [])
        labels = []
        for number, question in enumerate(questions):
            # A question that is longer than that is none.
            asked = pieces.ids(question.text)[: length // 2]
            context = located(question.context)
            room = length - len(asked) - 3
            answer = pieces_of(question.answer, [place for _, place in context])
            for start in starts(len(context), room, stride):
                part = context[start : start + room]
                tokens, segments = pieces.joined(asked, [piece for piece, _ in part])
                first = len(asked) + 2
                windows.encoded.tokens.append(tokens)
                windows.encoded.segments.append(segments)
                windows.asked.append(number)
                windows.first.append(first)
                windows.places.append([place for _, place in part])
                inside = start <= answer[0] and answer[1] < start + len(part)
                labels.append([piece - start + first if inside else 0 for piece in answer])
        array = np.array(labels, np.float32).reshape(-1, 2, 1)
        encoded = Encoded(windows.encoded.tokens, windows.encoded.segments, array)
        return cls(questions, encoded, windows.asked, windows.first, windows.places)

    def answers(self, rows: list[np.ndarray]) -> list[str]:
        """An answer to each question.

        Args:
            rows: For each window logits of where the answer begins and ends: (2, pieces) or
                more, which pad.
        """
        best = [(-np.inf, "")] * len(self.questions)
        for number, first, places, row in zip(
            self.asked, self.first, self.places, rows, strict=True
        ):
            score, start, end = best_span(row[:, first : first + len(places)])
            context = self.questions[number].context
            found = (score, context[places[start][0] : places[end][1]])
            best[number] = max(best[number], found, key=lambda each: each[0])
        return [answer for _, answer in best]


def starts(count: int, room: int, stride: int) -> list[int]:
    """Where the windows of a paragraph begin.

    Args:
        count: Pieces of the paragraph.
        room: Pieces of it in a window.
        stride: From one beginning to the next, at most.
    """
    step = min(stride, room)
    return [0, *range(step, count - room + step, step)]


def pieces_of(answer: Place, places: list[Place]) -> tuple[int, int]:
    """The first and the last piece that have characters of an answer."""
    inside = [i for i, (start, end) in enumerate(places) if start < answer[1] and answer[0] < end]
    return inside[0], inside[-1]


def best_span(logits: np.ndarray) -> tuple[float, int, int]:
    """The span with the greatest sum of logits, as (sum, first piece, last piece).

    Args:
        logits: Of beginnings and ends, (2, pieces).
    """
    sums = logits[0][:, None] + logits[1][None].astype(np.float32)
    allowed = np.tril(np.triu(np.ones(sums.shape, bool)), LONGEST_ANSWER - 1)
    sums = np.where(allowed, sums, -np.inf)
    start, end = divmod(int(sums.argmax()), len(sums))
    return float(sums[start, end]), start, end
