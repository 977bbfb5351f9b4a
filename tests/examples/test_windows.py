import itertools

import numpy as np
import pytest
from support.squad import Question
from support.windows import LONGEST_ANSWER, Windows, best_span, pieces_of, starts
from support.word_pieces import SPECIAL, WordPieces

PIECES = WordPieces([*SPECIAL, "what", "?", "w", *(f"##{i}" for i in range(10)), "."])


def question(count, answer):
    """A paragraph of words w0, w1, ..., two or three pieces each, and the word to find."""
    context = " ".join(f"w{i}" for i in range(count))
    start = context.index(answer)
    return Question(context, "What?", (answer,), (start, start + len(answer)))


@pytest.mark.parametrize("stride", [1, 5, 8, 100])
@pytest.mark.parametrize("count", [1, 7, 8, 9, 16, 61])
def test_windows_cover_every_piece_and_none_is_in_vain(count, stride):
    room = 8
    begins = starts(count, room, stride)
    covered = [set(range(start, min(start + room, count))) for start in begins]
    assert set.union(*covered) == set(range(count))
    assert all(covered[i] - set.union(*covered[:i]) for i in range(1, len(covered)))
    assert all(b - a == min(stride, room) for a, b in itertools.pairwise(begins))


def test_a_window_is_the_question_and_a_part_of_the_paragraph():
    windows = Windows.of([question(30, "w12")], PIECES, length=16, stride=6)
    assert len(windows.asked) > 2
    for tokens, segments, first, places in zip(
        windows.encoded.tokens, windows.encoded.segments, windows.first, windows.places, strict=True
    ):
        names = [PIECES.pieces[token] for token in tokens]
        assert names[:4] == ["[CLS]", "what", "?", "[SEP]"] and names[-1] == "[SEP]"
        assert len(tokens) <= 16 and first == 4 and segments == [0] * 4 + [1] * (len(tokens) - 4)
        context = windows.questions[0].context
        assert [name.removeprefix("##") for name in names[4:-1]] == [
            context[start:end] for start, end in places
        ]


def rows_of(windows, certain=9.0):
    """Logits that are sure of the labels."""
    rows = []
    for tokens, labels in zip(windows.encoded.tokens, windows.encoded.labels, strict=True):
        row = np.zeros((2, len(tokens) + 3), np.float32)
        for logits, place in zip(row, labels[:, 0].astype(int), strict=True):
            logits[place] = certain
        rows.append(row)
    return rows


def test_sure_logits_give_the_answers_back():
    asked = [question(30, "w2 w3"), question(3, "w1"), question(30, "w29"), question(30, "w17 w18")]
    windows = Windows.of(asked, PIECES, length=20, stride=5)
    assert windows.answers(rows_of(windows)) == [each.answers[0] for each in asked]
    # Windows without the answer whole point to [CLS], and at least one has it.
    starts_ = windows.encoded.labels[:, 0, 0]
    for number in range(len(asked)):
        own = starts_[np.array(windows.asked) == number]
        assert (own > 0).any() and ((own == 0) | (own >= 4)).all()


def test_the_window_that_is_most_certain_answers():
    windows = Windows.of([question(30, "w2")], PIECES, length=16, stride=6)
    rows = rows_of(windows, certain=1.0)
    rows[-1][:, windows.first[-1]] = 5.0
    start, end = windows.places[-1][0]
    assert windows.answers(rows) == [windows.questions[0].context[start:end]]


def test_pieces_of_an_answer_are_those_it_has_characters_of():
    places = [(0, 2), (2, 5), (6, 9), (9, 10)]
    assert pieces_of((0, 2), places) == (0, 0)
    assert pieces_of((3, 7), places) == (1, 2)
    assert pieces_of((9, 10), places) == (3, 3)


def test_a_span_does_not_end_before_it_begins_and_is_not_too_long():
    logits = np.zeros((2, 100), np.float32)
    logits[0, 60], logits[1, 20] = 5.0, 4.0
    score, start, end = best_span(logits)
    assert score == 5.0 and start == 60 and end >= 60
    logits[:] = -9.0
    logits[0, 0] = logits[1, LONGEST_ANSWER] = 5.0
    logits[1, LONGEST_ANSWER - 1] = 4.0
    assert best_span(logits) == (9.0, 0, LONGEST_ANSWER - 1)
