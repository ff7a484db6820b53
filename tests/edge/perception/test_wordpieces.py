"""Word pieces, held to the library whose results training sees."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer
from tokenizers.models import WordPiece
from tokenizers.normalizers import BertNormalizer
from tokenizers.pre_tokenizers import BertPreTokenizer

from edge.perception.manifest import Pieces, TextInput
from edge.perception.text_features import piece_windows, text_windows
from edge.perception.wordpieces import SPECIAL, WordPieces

WORDS = ("i", "am", "so", "happy", "unhappy", "sad", "cafe", "not", "do", "n", *"'!?.,#", "人", "é")
LETTERS = "abcdefghijklmnopqrstuvwxyzß"
VOCABULARY = (*SPECIAL, *dict.fromkeys((*WORDS, *LETTERS, *(f"##{one}" for one in LETTERS))))
PIECES = Pieces(vocabulary=VOCABULARY, length=16, overlap=4)
# Characters that were assigned long before the Unicode version of either side.
CHARACTERS = st.characters(max_codepoint=0x17FF, exclude_categories=["Cs", "Cn"]).filter(
    lambda one: unicodedata.ucd_3_2_0.category(one) != "Cn"
)


@pytest.fixture(scope="module")
def library() -> Tokenizer:
    model = WordPiece(
        vocab={piece: place for place, piece in enumerate(VOCABULARY)},
        unk_token="[UNK]",  # noqa: S106 - a token of a text
    )
    tokenizer = Tokenizer(model)
    tokenizer.normalizer = BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = BertPreTokenizer()
    return tokenizer


@given(
    text=st.text(CHARACTERS)
    | st.lists(
        st.sampled_from(["I", "don't", "Café", "UNHAPPY", "人人", "x" * 120, "\t", "ß!"])
    ).map(" ".join)
)
def test_pieces_equal_those_of_the_library(library: Tokenizer, text: str) -> None:
    expected = library.encode(text, add_special_tokens=False).ids
    assert WordPieces(VOCABULARY).encode(text) == expected


def _words(ids: list[int]) -> str:
    return " ".join(VOCABULARY[one] for one in ids)


def test_an_unknown_word_is_split_into_the_longest_known_pieces() -> None:
    assert _words(WordPieces(VOCABULARY).encode("Sadly ☃")) == "sad ##l ##y [UNK]"


def test_a_vocabulary_without_a_special_piece_is_refused() -> None:
    with pytest.raises(ValueError, match=r"lacks \[CLS\], \[SEP\]"):
        WordPieces(("[PAD]", "[UNK]", "a"))


def test_a_short_text_is_one_padded_window() -> None:
    (window,) = piece_windows("I am so happy! ☹️", PIECES)
    assert _words(window.tolist()[:7]) == "[CLS] i am so happy ! sad"
    assert len(window) == 16


def test_no_text_is_one_window_of_marks() -> None:
    (window,) = piece_windows("", PIECES)
    assert _words(window.tolist()[:3]) == "[CLS] [SEP] [PAD]"


def test_a_long_text_is_read_to_its_end_in_overlapping_windows() -> None:
    windows = piece_windows(" ".join(LETTERS[:26]), PIECES)
    read = [[VOCABULARY[one] for one in window if VOCABULARY[one].isalpha()] for window in windows]
    assert ["".join(one) for one in read] == ["abcdefghijklmn", "klmnopqrstuvwx", "uvwxyz"]


def test_a_text_of_a_megabyte_costs_no_more_than_its_beginning() -> None:
    spec = TextInput((64,), "unicode-3", (1, 2), (1, 5), max_characters=100, pieces=PIECES)
    for one in ("a", "🤬", "\ud800", "https://a.b/ ", "\u4e00", "<b>"):
        windows = text_windows(one * 1_000_000, spec)
        assert len(windows) == len(text_windows(one * 100, spec))
        assert len(windows) <= 40
