import unicodedata

import pytest
from support.word_pieces import SPECIAL, WordPieces, words

PIECES = WordPieces([*SPECIAL, "un", "##aff", "##able", "good", "##s", "a", "b", "##a", ",", "$"])


def named(ids):
    return [PIECES.pieces[i] for i in ids]


def test_takes_the_longest_piece_first():
    assert named(PIECES.ids("Unaffable goods")) == ["un", "##aff", "##able", "good", "##s"]


@pytest.mark.parametrize("text", ["zzz", "unq", "a" * 101])
def test_a_word_without_pieces_is_unknown(text):
    assert named(PIECES.ids(text)) == ["[UNK]"]


def test_cuts_at_punctuation_and_drops_accents():
    assert words("Café, $5 (não)") == ["cafe", ",", "$", "5", "(", "nao", ")"]


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("Unaffable  goods", ["Un", "aff", "able", "good", "s"]),
        ("  a, zzz $b\n", ["a", ",", "zzz", "$", "b"]),
        ("goo\u0302ds a\u0301a", ["goo\u0302d", "s", "a\u0301", "a"]),
        ("\u00e1b", ["\u00e1b"]),
        ("", []),
    ],
)
def test_pieces_have_their_places_in_the_text(text, parts):
    located = PIECES.located(text)
    assert [text[start:end] for _, (start, end) in located] == parts
    assert [number for number, _ in located] == PIECES.ids(text)


def test_a_character_that_becomes_several_belongs_to_each_piece_of_it():
    # A syllable of Hangul is letters of its alphabet when it is decomposed.
    letters = unicodedata.normalize("NFD", "\ud55c")
    pieces = WordPieces([*SPECIAL, letters[0], *(f"##{letter}" for letter in letters[1:])])
    found = pieces.located("x \ud55c")
    assert [place for _, place in found] == [(0, 1), *[(2, 3)] * len(letters)]


def test_marks_both_texts_of_a_pair():
    ids, segments = PIECES.encode("good", "goods")
    assert named(ids) == ["[CLS]", "good", "[SEP]", "good", "##s", "[SEP]"]
    assert segments == [0, 0, 0, 1, 1, 1]


def test_the_longer_text_loses_its_end():
    ids, segments = PIECES.encode("a b a b a b", "b", longest=7)
    assert named(ids) == ["[CLS]", "a", "b", "a", "[SEP]", "b", "[SEP]"]
    assert len(segments) == 7


def test_a_restricted_vocabulary_splits_its_texts_the_same_way():
    small = PIECES.restricted_to(["goods, a"])
    assert "##aff" not in small.pieces
    assert small.pieces[:4] == list(SPECIAL)
    assert [small.pieces[i] for i in small.ids("goods, a")] == named(PIECES.ids("goods, a"))
    assert "b" in small.pieces  # single letters stay, so that hardly a word is unknown
