"""Words, hashes and features of a text."""

import unicodedata
import zlib
from collections import Counter
from collections.abc import Sequence

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.perception.manifest import TextInput
from edge.perception.ngrams import (
    CHARACTER_FACTOR,
    EMPHASIS,
    NEGATED_FACTOR,
    WORD_END,
    WORD_FACTOR,
    WORD_START,
    negated,
    ngram_hashes,
    tokens,
)
from edge.perception.text_features import text_features, word_features

TEXT = TextInput((65536,), "unicode-3", (1, 2), (1, 5), max_characters=1000)
# Words, pairs of words, and the runs of 1 to 5 characters of each; then those of what is negated.
EXPECTED_BUCKETS = {
    "So happy 😀": (3 + 2 + 10 + 25 + 6, [276, 775, 2804, 3517, 4205, 6261]),
    "Not happy": (2 + 1 + 15 + 25 + 1 + 25, [55, 673, 775, 2804, 4205, 6261]),
}
WHO = ["you", "know", "who"]
WORDS = {
    "I'm so happy :) <3": ["im", "so", "happy", ":)", "<3"],
    "don’t worry!!! ...": ["dont", "worry", "!!", ".."],
    "<b>hi</b> &lt;3 see https://x.y/z?a=b": ["hi", "<3", "see"],
    "10:30 (a) C:/x": ["10", ":", "30", "(", "a", ")", "c", ":", "/", "x"],
    ":D =) >:( ^_^ -_- :'(": [":d", "=)", ">:(", "^_^", "-_-", ":'("],
    "👍🏽👩\u200d👧 ❤️": ["👍", "👩", "👧", "❤"],
    "我很高兴！": ["我", "很", "高", "兴", "!"],
    "मुझे बहुत खुशी है।": ["मुझे", "बहुत", "खुशी", "है", "।"],
    "ደስ ብሎኛል": ["ደስ", "ብሎኛል"],
    "أنا سعيد جدا؟ so": ["أنا", "سعيد", "جدا", "؟", "so"],
    "\u200b \ufeff\n": [],
    "'tis 'n' dogs' o''clock": ["'", "tis", *"'n'", "dogs", *"'o''", "clock"],
    "see HTTPS://a.b/<b>c WWW.x.y: xhttp://z <B>now": ["see", "xhttp", *"://", "z", "now"],
    "Straßßße ßSS": ["strasse", EMPHASIS, "strasse", "ss"],
    "क\u0947\u0300क你カ\u3099a": ["क\u0947\u0300क", "你", "ガ", "a"],
}


@pytest.mark.parametrize("text", EXPECTED_BUCKETS)
def test_text_buckets_are_the_same_on_every_machine(text: str) -> None:
    hashes, (count, first) = ngram_hashes(tokens(text), TEXT), EXPECTED_BUCKETS[text]
    assert len(hashes) == count
    assert sorted(int(one) for one in hashes % 65536)[:6] == first


def test_words_emoji_and_emoticons_are_kept_in_any_script() -> None:
    for text, expected in WORDS.items():
        assert tokens(text) == expected, text


def test_case_width_and_composition_do_not_matter() -> None:
    assert tokens("Ｈappy cafe\u0301") == tokens("happy café")


def test_emphasis_is_marked_once_beside_the_word() -> None:
    assert tokens("so HAPPY") == ["so", "happy", EMPHASIS]
    assert tokens("NOOOO!!!!!!") == tokens("NOOO!!!") == ["noo", EMPHASIS, "no", "!!"]
    assert tokens("FERICIȚI, ΝΑΙ") == ["fericiți", EMPHASIS, ",", "ναι", EMPHASIS]
    for text in ("so happy", "in 2000", "a____b", "OK", "[NAME]", "so\0happy", "Happy"):
        assert EMPHASIS not in tokens(text)


def test_a_lengthened_word_is_read_with_the_letter_once_as_well() -> None:
    assert tokens("so happyyyy") == ["so", "happyy", EMPHASIS, "happy"]
    assert tokens("gooood") == ["good", EMPHASIS, "god"]
    assert tokens("Niiiiceee") == ["niicee", EMPHASIS, "nice"]


NEGATED = {
    "I'm not happy at all with it": ["happy", "at", "all", "with"],
    "not good, happy": ["good"],
    "not good :( happy": ["good"],
    "I don't like it": ["like", "it"],
    "never ever not so COOL": ["ever", "not", "so", "cool"],
    "ich bin nicht froh": ["froh"],
    "我不高兴": ["高", "兴"],
    "happy": [],
    "": [],
}


def test_words_after_a_negation_are_negated() -> None:
    for text, expected in NEGATED.items():
        words = tokens(text)
        assert [words[place] for place in negated(words)] == expected, text


def test_a_negated_word_and_its_characters_have_hashes_more() -> None:
    plain, turned = (ngram_hashes(tokens(text), TEXT) for text in ("so happy", "not happy"))
    apart = ngram_hashes(tokens("not"), TEXT), ngram_hashes(tokens("happy"), TEXT)
    assert len(turned) == sum(map(len, apart)) + len(["not happy"]) + len(apart[1])
    assert len(set(turned) - set(plain) - {*apart[0], *apart[1]}) == 1 + len(set(apart[1]))


def _mixed(value: int) -> int:
    for factor in (0xFF51AFD7ED558CCD, 0xC4CEB9FE1A85EC53):
        value = (value ^ value >> 33) * factor % 2**64
    return value ^ value >> 33


def _run_hashes(items: Sequence[int], lengths: tuple[int, int], factor: int) -> list[int]:
    runs = (
        items[start : start + length]
        for length in range(lengths[0], lengths[1] + 1)
        for start in range(len(items) - length + 1)
    )
    powers = [factor**power for power in range(lengths[1])]
    return [(sum(map(int.__mul__, reversed(run), powers)) + len(run)) % 2**64 for run in runs]


def _plain_hashes(words: Sequence[str], spec: TextInput) -> list[int]:
    each = [zlib.crc32(word.encode("utf-8", "surrogatepass")) for word in words]
    hashes = _run_hashes(each, spec.word_ngrams, int(WORD_FACTOR))
    turned = [each[place] for place in negated(words)]
    for place, word in enumerate(words):
        if word != EMPHASIS:
            points = [ord(character) for character in WORD_START + word + WORD_END]
            runs = _run_hashes(points, spec.character_ngrams, int(CHARACTER_FACTOR))
            hashes += runs
            turned += runs if place in negated(words) else []
    return [_mixed(one) for one in hashes + [one * int(NEGATED_FACTOR) % 2**64 for one in turned]]


PARTS = ("not ", "no ", "so ", "HAPPY ", "sooo", ", ", ":) ", "é", "你", "\ud800", "😀")


@settings(max_examples=60)
@given(st.lists(st.sampled_from(PARTS), max_size=20).map("".join) | st.text(max_size=40))
def test_features_are_to_the_bit_what_plain_python_makes_of_the_words(text: str) -> None:
    words = tokens(text)
    for spec in (TEXT, msgspec.structs.replace(TEXT, word_ngrams=(2, 3), character_ngrams=(3, 4))):
        hashes = _plain_hashes(words, spec)
        assert sorted(ngram_hashes(words, spec).tolist()) == sorted(hashes)
        hits = sorted(Counter(one % TEXT.shape[0] for one in hashes).items())
        values = np.log1p(np.array([count for _, count in hits], np.float32))
        features = word_features(words, spec)
        assert features.indices.tolist() == [place for place, _ in hits]
        assert np.array_equal(features.values, values / max(np.linalg.norm(values), 1e-9))


def test_only_the_first_characters_are_read() -> None:
    text = "a" * TEXT.max_characters
    assert text_features(text + " furious", TEXT) == pytest.approx(text_features(text, TEXT))


def test_the_runs_of_characters_end_with_their_word() -> None:
    together, apart = (set(ngram_hashes(tokens(text), TEXT)) for text in ("ab", "a b"))
    assert together != apart
    spec = msgspec.structs.replace(TEXT, word_ngrams=(1, 1))
    alone = [set(ngram_hashes([word], spec)) for word in ("a", "b")]
    assert set(ngram_hashes(["a", "b"], spec)) == alone[0] | alone[1]


@settings(max_examples=300)
@given(st.text(st.characters(), max_size=300))
def test_no_string_breaks_text_features(text: str) -> None:
    features = text_features(text, TEXT)
    assert features.shape == TEXT.shape
    length = float(np.linalg.norm(features))
    assert length == pytest.approx(1.0, abs=1e-5) or length == 0


@settings(max_examples=100)
@given(st.text(st.sampled_from("<&;:=-'(aA1_^>!. \n\u0300\u093f你\ud800#x"), max_size=200))
def test_the_work_grows_no_faster_than_the_text(text: str) -> None:
    longest = max(TEXT.word_ngrams[1], TEXT.character_ngrams[1])
    for times in (1, 10):
        found = tokens(text * times)
        # Every n-gram ends at a word or at a character of a word or of its two marks.
        # It is counted twice where it is negated.
        most = 2 * longest * (len(found) + sum(len(word) + 2 for word in found))
        assert len(ngram_hashes(found, TEXT)) <= most
        # No character stands for more than the 18 letters of U+FDFA.
        letters = len(unicodedata.normalize("NFKC", text * times))
        assert letters <= 18 * len(text * times)
        assert sum(map(len, found)) <= 3 * letters


@pytest.mark.parametrize(
    "part", ["<a", "a", "_", ">_", "-", "&#", "http://", ":'", "!", "\u0300", "你", "\0", "A", " "]
)
def test_a_megabyte_of_anything_is_read_to_its_end(part: str) -> None:
    """Takes hours where a pattern looks again and again at what it has seen."""
    assert len("".join(tokens(part * (1_000_000 // len(part))))) <= 3_000_000


def test_what_looks_like_a_tag_and_is_none_is_kept() -> None:
    assert tokens("I hate you <you know who>") == ["i", "hate", "you", "<", *WHO, ">"]
    assert tokens("<p class='x'>hi<br/></P><script>") == ["hi"]


def test_lengths_without_any_ngram_give_nothing() -> None:
    spec = msgspec.structs.replace(TEXT, word_ngrams=(2, 2), character_ngrams=(4, 5))
    assert len(ngram_hashes(["a"], spec)) == 0
    assert not text_features("a", spec).any()


def test_a_lone_surrogate_is_hashed_as_it_is() -> None:
    assert text_features("\ud800", TEXT).any()
