"""WordPiece: splits English text into the pieces of a BERT vocabulary.

Lower-cases, strips accents, cuts at white space and punctuation, then takes the longest
known piece from the left, again and again; pieces inside a word begin with "##". Where the text
itself is needed again, as for answers that are parts of it, each piece has its place in it.

Reference:

- Devlin et al., "BERT: Pre-training of Deep Bidirectional Transformers for Language
  Understanding", 2019.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from functools import lru_cache

PAD, UNKNOWN, START, END = "[PAD]", "[UNK]", "[CLS]", "[SEP]"
SPECIAL = (PAD, UNKNOWN, START, END)
LONGEST_WORD = 100

# From the first character, up to but without the second.
Place = tuple[int, int]


class WordPieces:
    """A vocabulary and the way to split text with it.

    Args:
        pieces: The vocabulary; a piece's place is its id. The first is "[PAD]".
    """

    def __init__(self, pieces: Iterable[str]) -> None:
        self.pieces = list(pieces)
        self._ids = {piece: number for number, piece in enumerate(self.pieces)}
        self._split_word = lru_cache(maxsize=1 << 16)(self._uncached_split_word)

    def ids(self, text: str) -> list[int]:
        """Ids of the pieces of a text, without those that mark its ends."""
        return [number for word in words(text) for number in self._split_word(word)]

    def located(self, text: str) -> list[tuple[int, Place]]:
        """The same ids, each with the place in the text that its piece stands for."""
        found = []
        for word, places in located_words(text):
            start = 0
            for number in self._split_word(word):
                piece = self.pieces[number]
                whole = piece == UNKNOWN
                end = len(word) if whole else start + len(piece.removeprefix("##"))
                # A character may become several, and a piece end among those.
                last = max(places[end], places[end - 1] + 1)
                found.append((number, (places[start], last)))
                start = end
        return found

    def encode(self, *texts: str, longest: int = 128) -> tuple[list[int], list[int]]:
        """Ids and segments of one text or a pair: [CLS] first [SEP] second [SEP].

        Of what is too long, the longer text loses its end.
        """
        parts = [self.ids(text) for text in texts]
        while sum(map(len, parts)) > longest - 1 - len(parts):
            max(parts, key=len).pop()
        return self.joined(*parts)

    def joined(self, *parts: list[int]) -> tuple[list[int], list[int]]:
        """Ids and segments of texts that are ids already, with the marks between them."""
        ids, segments = [self._ids[START]], [0]
        for number, part in enumerate(parts):
            ids += [*part, self._ids[END]]
            segments += [number] * (len(part) + 1)
        return ids, segments

    def restricted_to(self, texts: Iterable[str]) -> WordPieces:
        """The vocabulary with those pieces alone that the texts need, and single letters."""
        seen = {number for text in texts for number in self.ids(text)}
        return WordPieces(
            piece
            for number, piece in enumerate(self.pieces)
            if number in seen or piece in SPECIAL or len(piece.removeprefix("##")) == 1
        )

    def _uncached_split_word(self, word: str) -> list[int]:
        found: list[int] = []
        start = 0
        while start < len(word) <= LONGEST_WORD:
            prefix = "##" if start else ""
            for end in range(len(word), start, -1):
                if (number := self._ids.get(prefix + word[start:end])) is not None:
                    found.append(number)
                    start = end
                    break
            else:
                return [self._ids[UNKNOWN]]
        return found or [self._ids[UNKNOWN]]


def words(text: str) -> list[str]:
    """Lower-case words and punctuation marks of a text, without accents."""
    return [word for word, _ in located_words(text)]


def located_words(text: str) -> list[tuple[str, list[int]]]:
    """The same with places in the text: of every character of a word, then of the word's end."""
    found: list[tuple[str, list[int]]] = []
    letters = ""
    places: list[int] = []

    def end(place: int) -> None:
        nonlocal letters, places
        if letters:
            found.append((letters, [*places, place]))
        letters, places = "", []

    for place, character in enumerate(text):
        for c in unicodedata.normalize("NFD", character.lower()):
            if c.isspace():
                end(place)
            elif _is_punctuation(c):
                end(place)
                found.append((c, [place, place + 1]))
            elif unicodedata.category(c) != "Mn":
                letters += c
                places.append(place)
    end(len(text))
    return found


def _is_punctuation(character: str) -> bool:
    # BERT counts all of ASCII that is neither letter, digit nor space, "$" and "^" too.
    ascii_mark = 33 <= ord(character) <= 126 and not character.isalnum()
    return ascii_mark or unicodedata.category(character).startswith("P")
