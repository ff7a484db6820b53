"""Splits a text into pieces of words from a vocabulary, as BERT does (Devlin et al. 2019).

The result equals that of the library `tokenizers` with BERT's lower-case settings, which would cost
a device more memory than the model.
"""

import unicodedata
from collections.abc import Iterable, Iterator, Sequence

PADDING, UNKNOWN, START, END = SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]")
CONTINUED = "##"
"""Prefix of a piece that does not start a word."""
# A longer word is unknown as a whole.
MAX_WORD_CHARACTERS = 100
# Scripts without spaces, in which each character is a word: BERT's list of CJK blocks.
IDEOGRAPHS = (
    (0x4E00, 0x9FFF),
    (0x3400, 0x4DBF),
    (0x20000, 0x2A6DF),
    (0x2A700, 0x2B73F),
    (0x2B740, 0x2B81F),
    (0x2B920, 0x2CEAF),
    (0xF900, 0xFAFF),
    (0x2F800, 0x2FA1F),
)
SPACES = "\t\n\r"
CONTROLS = ("Cc", "Cf", "Co", "Cs")


class WordPieces:
    """Finds the ids of a text's pieces: their places in the vocabulary.

    Raises ValueError if the vocabulary lacks one of SPECIAL.
    """

    def __init__(self, vocabulary: Sequence[str]) -> None:
        self._ids = {piece: place for place, piece in enumerate(vocabulary)}
        if missing := [piece for piece in SPECIAL if piece not in self._ids]:
            raise ValueError(f"the vocabulary lacks {', '.join(missing)}")
        self._longest = max(map(len, self._ids))
        self.padding, self.unknown, self.start, self.end = (self._ids[one] for one in SPECIAL)

    def encode(self, text: str) -> list[int]:
        """Returns the ids of a text's pieces, without START and END."""
        return [piece for word in words(text) for piece in self._pieces(word)]

    def _pieces(self, word: str) -> list[int]:
        """Splits a word into the longest known pieces from its start; unknown if one is missing."""
        if (whole := self._ids.get(word)) is not None:
            return [whole]
        pieces: list[int] = []
        start = 0
        while start < len(word) <= MAX_WORD_CHARACTERS:
            prefix = CONTINUED if start else ""
            ends = range(min(len(word), start + self._longest), start, -1)
            end = next((end for end in ends if prefix + word[start:end] in self._ids), None)
            if end is None:
                return [self.unknown]
            pieces.append(self._ids[prefix + word[start:end]])
            start = end
        return pieces or [self.unknown]


def words(text: str) -> Iterator[str]:
    """Yields lower-case words without accents, and each punctuation mark by itself."""
    plain = text if text.isascii() else "".join(_without_accents(_spaced(text)))
    for run in _cleaned(plain).split():
        yield from _split_punctuation(run)


def _spaced(text: str) -> str:
    return "".join(f" {one} " if _is_ideograph(one) else one for one in text)


def _is_ideograph(character: str) -> bool:
    return any(first <= ord(character) <= last for first, last in IDEOGRAPHS)


def _without_accents(text: str) -> Iterable[str]:
    return (one for one in unicodedata.normalize("NFD", text) if unicodedata.category(one) != "Mn")


def _cleaned(text: str) -> str:
    """Lower-cases a text, turns white space into spaces and drops control characters."""
    if text.isascii() and text.isprintable():
        return text.lower()
    kept = (
        " " if one in SPACES or one.isspace() else one.lower()
        for one in text
        if one in SPACES or not (one == "\ufffd" or unicodedata.category(one) in CONTROLS)
    )
    return "".join(kept)


def _split_punctuation(run: str) -> Iterator[str]:
    start = 0
    for place, character in enumerate(run):
        if _is_punctuation(character):
            if start < place:
                yield run[start:place]
            yield character
            start = place + 1
    if start < len(run):
        yield run[start:]


def _is_punctuation(character: str) -> bool:
    if character.isascii():
        return character.isprintable() and not (character.isalnum() or character.isspace())
    return unicodedata.category(character)[0] == "P"
