"""Splits a text into words, emoji and emoticons, and hashes their n-grams.

The result is the same on every machine and every version of Python, except for characters that are
newer than the Unicode version of the running Python.
"""

import html
import re
import unicodedata
import zlib
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from edge.perception.manifest import TextInput

Hashes = npt.NDArray[np.uint64]

ELEMENTS = (
    "a|abbr|article|aside|b|blockquote|body|br|button|code|del|div|em|font|footer|form|h[1-6]|head|"
    "header|hr|html|i|iframe|img|input|ins|label|li|link|main|mark|meta|nav|ol|option|p|pre|q|s|"
    "script|section|small|span|strong|style|sub|sup|table|tbody|td|th|thead|title|tr|u|ul"
)
# This pattern and IGNORED start with a character class, which `re` finds fastest.
MARKUP = re.compile(
    rf"[<hHwW](?i:(?<=<)/?(?:{ELEMENTS})(?:[\s/][^<>]*)?>|(?<=\bh)ttps?://\S+|(?<=\bw)ww\.\S+)"
)
"""HTML tags and URLs, which say nothing about the writer."""
# Accents and vowel signs: part of a word in their script, but not letters to Python.
MARKS = (
    "\u0300-\u036f\u0483-\u0487\u0591-\u05c7\u0610-\u061a\u064b-\u065f\u0670\u06d6-\u06ed"
    "\u0900-\u0963\u0966-\u0dff\u0e31-\u0e3a\u0e47-\u0e4e\u1ab0-\u1aff\u20d0-\u20ff"
)
# Scripts without spaces, in which each character is a word.
IDEOGRAPHS = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff"
EMOTICONS = r"""
    (?<!\w)[<>]?[:;=]'?[-o^]?(?:[dpos3x](?!\w)|[][(){}/\\|*@]+)  # :) :'( >:-D
    | (?<!\w)</?3+ | [>^-][_.]*[<^-](?=\s|$)                     # <3 ^_^ >_< -_-
"""
# Words come first: most tokens are words, and no other token starts like one.
TOKENS = re.compile(
    rf"""(?=\S)(?:
    (?:[^\W{IDEOGRAPHS}]+|[{MARKS}]+)+
    | [{IDEOGRAPHS}]
    | {EMOTICONS}
    | [!?.]+
    | [^\w\s]
    )""",
    re.VERBOSE,
)
# Control characters; joiners, variation selectors and skin tones, which do not change the meaning
# of an emoji; and apostrophes within a word, which many people leave out.
IGNORED = re.compile(
    "['\u2019\0-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\u00ad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f"
    "\ufe00-\ufe0f\ufeff\ufff9-\ufffb\U0001f3fb-\U0001f3ff\U000e0000-\U000e007f]"
    "(?:(?<!['\u2019])|(?<=\\w.)(?=\\w))"
)
# Words that may be emphatic, except placeholders such as [NAME].
EMPHATIC = r"(?<![\w\[])(?:[^\W\d_a-z]{{3,}}{})(?!\w)"
CAPITALS = re.compile(EMPHATIC.format(""))
LETTERS = re.compile(EMPHATIC.format(r"|[^\W\d_]*?(?i:([^\W\d_])\1{2,})[^\W\d_]*"))
LENGTHENED = re.compile(r"(.)\1\1+", re.IGNORECASE)
REPEATED = re.compile(r"(\S)\1\1+")
EMPHASIS = "\0"
"""Token inserted after a word written LOUD or looong; no text contains it."""
# Words that negate the words after them, in languages where negation comes first: English, German,
# Spanish, Portuguese, Swedish, Romanian, Russian and Ukrainian, Chinese.
NEGATIONS = (
    "not no never nor neither nothing nobody without hardly cannot cant dont doesnt didnt wont "
    "wouldnt isnt arent wasnt werent aint havent hasnt hadnt couldnt shouldnt "
    "nicht kein keine keinen keiner nie niemals ohne nunca sin não sem inte aldrig ingen utan nu "
    "fără не ні нет никогда ніколи без 不 没 沒 别 別"
)
NEGATORS = frozenset(NEGATIONS.split())
NEGATED_WORDS = 4
"""Number of words that a negator negates, unless punctuation or a symbol ends its scope earlier."""
WORD_START, WORD_END = "\2", "\3"
# Odd numbers without a pattern: digits of the golden ratio, pi and e.
WORD_FACTOR, CHARACTER_FACTOR = np.uint64(0x9E3779B97F4A7C15), np.uint64(0x243F6A8885A308D3)
NEGATED_FACTOR = np.uint64(0xADF85458A2BB4A9B)
HIGH_BITS = np.uint64(33)


def _mark_emphasis(match: re.Match[str]) -> str:
    word = match[0]
    shorter = LENGTHENED.sub(r"\1", word)
    if shorter != word:
        return f"{word} {EMPHASIS} {shorter} "
    return f"{word} {EMPHASIS} " if word.isupper() else word


def without_markup(text: str) -> str:
    """Returns a text without MARKUP, and with the characters that HTML writes in another way."""
    return MARKUP.sub(" ", html.unescape(text))


def tokens(text: str) -> list[str]:
    """Splits a text into lower-case words, punctuation, emoji and emoticons.

    Drops MARKUP and IGNORED. EMPHASIS follows a word in capitals. A word with a letter three or
    more times in a row is followed by EMPHASIS and the word with that letter once: sooon may mean
    "soon" or "son".
    """
    plain = unicodedata.normalize("NFKC", without_markup(text))
    plain = IGNORED.sub("", plain)
    emphatic = LETTERS if LENGTHENED.search(plain) else CAPITALS  # CAPITALS is much faster
    plain = emphatic.sub(_mark_emphasis, plain)
    return TOKENS.findall(REPEATED.sub(r"\1\1", plain.casefold()))


def negated(words: Sequence[str]) -> list[int]:
    """Returns the positions of the words that a preceding one of NEGATORS negates."""
    negators = [place for place, word in enumerate(words) if word in NEGATORS]
    return sorted({place for negator in negators for place in _negated_by(words, negator)})


def _negated_by(words: Sequence[str], negator: int) -> Iterator[int]:
    left = NEGATED_WORDS
    for place in range(negator + 1, len(words)):
        if words[place] == EMPHASIS:
            continue
        if not left or not words[place][0].isalnum():
            return
        yield place
        left -= 1


def ngram_hashes(words: Sequence[str], spec: TextInput) -> Hashes:
    """Hashes, uint64, each n-gram of the words, and of the characters within each word.

    A negated word has additional hashes, of itself and of its character n-grams, so that "not happy
    at all" differs from happy.
    """
    encoded = [word.encode("utf-8", "surrogatepass") for word in words]
    each = np.fromiter(map(zlib.crc32, encoded), np.uint64)
    places = negated(words)
    plain, denied = _marked(words), _marked([words[place] for place in places])
    points = np.frombuffer((plain + denied).encode("utf-32-le", "surrogatepass"), np.uint32)
    of_words, whole = _runs(each, np.ones(len(each), bool), spec.word_ngrams, WORD_FACTOR)
    of_characters, within = _runs(
        points.astype(np.uint64), points != ord(WORD_END), spec.character_ngrams, CHARACTER_FACTOR
    )
    of_characters[:, len(plain) :] *= NEGATED_FACTOR
    return _finalized(
        np.concatenate([each[places] * NEGATED_FACTOR, of_words[whole], of_characters[within]])
    )


def _marked(words: Sequence[str]) -> str:
    return "".join([f"{WORD_START}{word}{WORD_END}" for word in words if word != EMPHASIS])


def _runs(
    items: Hashes, extends: npt.NDArray[np.bool_], lengths: tuple[int, int], factor: np.uint64
) -> tuple[Hashes, npt.NDArray[np.bool_]]:
    """Hashes the runs that start at each item as polynomials, uint64[lengths, items].

    Also returns which runs are complete. `extends` marks the items that a run may continue beyond.
    """
    shortest, longest = lengths
    sums, whole = np.empty((longest, len(items)), np.uint64), np.zeros((longest, len(items)), bool)
    sums[0], whole[0] = items, True
    for more in range(1, min(longest, len(items))):
        np.multiply(sums[more - 1], factor, out=sums[more])
        sums[more, :-more] += items[more:]
        whole[more, :-more] = whole[more - 1, :-more] & extends[more - 1 : -1]
    sums += np.arange(1, longest + 1, dtype=np.uint64)[:, None]
    return sums[shortest - 1 :], whole[shortest - 1 :]


def _finalized(hashes: Hashes) -> Hashes:
    """Mixes all bits of each hash in place, with the finalizer of MurmurHash3 (Appleby 2011)."""
    for factor in (np.uint64(0xFF51AFD7ED558CCD), np.uint64(0xC4CEB9FE1A85EC53)):
        hashes ^= hashes >> HIGH_BITS
        hashes *= factor
    hashes ^= hashes >> HIGH_BITS
    return hashes
