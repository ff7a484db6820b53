import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.config import Tracking
from edge.emotions import EMOTIONS, NEUTRAL
from edge.perception.loader import ModelLoader
from edge.perception.manifest import TextInput
from edge.perception.text_features import NGRAMS, text_features, text_windows
from edge.values import TextMessage


@pytest.mark.parametrize(
    ("text", "emotion"),
    [
        ("I am so happy about this!", "happy"),
        ("this is disgusting", "disgust"),
        ("I hate you, you make me so angry", "angry"),
        ("the table is made of wood", "neutral"),
    ],
)
def test_plain_texts_are_read_as_people_read_them(
    loader: ModelLoader, text: str, emotion: str
) -> None:
    read = loader.text.perceive(TextMessage(text, 5.0))
    assert EMOTIONS[int(read.probabilities.argmax())] == emotion
    assert read.captured_s == 5.0


def _happy(loader: ModelLoader, text: str) -> float:
    return loader.text.perceive(TextMessage(text, 0.0)).native["joy"]


@pytest.mark.parametrize(
    ("plain", "negated"),
    [
        ("I am happy", "I am not happy at all"),
        ("this is good", "this is not good"),
        ("I like it", "I don't like it"),
    ],
)
def test_negation_is_heard(loader: ModelLoader, plain: str, negated: str) -> None:
    assert _happy(loader, negated) < _happy(loader, plain) - 0.2


@pytest.mark.parametrize(
    ("text", "denied"),
    [
        ("I'm not angry.", "angry"),
        ("She isn't mad at you.", "angry"),
        ("I'm not scared of you.", "fear"),
        ("We are not worried at all.", "fear"),
        ("I'm not sad anymore.", "sad"),
        ("I was not disappointed.", "sad"),
        ("I'm not happy at all with this service.", "happy"),
        ("She isn't happy with the result.", "happy"),
    ],
)
def test_a_denied_feeling_is_not_the_answer(loader: ModelLoader, text: str, denied: str) -> None:
    read = loader.text.perceive(TextMessage(text, 0.0))
    assert EMOTIONS[int(read.probabilities.argmax())] != denied


@pytest.mark.parametrize(
    ("plain", "emphatic"),
    [
        ("I am happy", "I am SO HAPPY!!!"),
        ("so happy", "sooooo happy :D"),
        ("thank you", "thank you ❤️❤️"),
    ],
)
def test_emphasis_does_not_take_away(loader: ModelLoader, plain: str, emphatic: str) -> None:
    assert _happy(loader, emphatic) > min(_happy(loader, plain), 0.9) - 0.05


@pytest.mark.parametrize(
    ("text", "emotion"),
    [("😊😊", "happy"), ("❤️", "happy"), ("😭", "sad"), ("😡😡", "angry"), (":(", "sad")],
)
def test_emoji_and_emoticons_speak_for_themselves(
    loader: ModelLoader, text: str, emotion: str
) -> None:
    read = loader.text.perceive(TextMessage(text, 0.0))
    assert EMOTIONS[int(read.probabilities.argmax())] == emotion


@pytest.mark.parametrize(
    "text", ["", "  \n\t", "\u200b", "\x07\u202e\0", "<br/>", "https://example.org/sad"]
)
def test_a_text_without_content_is_neutral_and_has_no_weight(
    loader: ModelLoader, text: str
) -> None:
    read = loader.text.perceive(TextMessage(text, 0.0))
    assert read.probabilities.argmax() == NEUTRAL
    # Alone, it is no belief to act on.
    assert read.probabilities.max() < Tracking().min_confidence
    assert read.quality == 0


@pytest.mark.parametrize(
    "text",
    [
        "Η γάτα κοιμάται στον καναπέ",
        "고양이가 소파에서 자고 있어요",
        "แมวนอนอยู่บนโซฟา",
        "კატა დივანზე სძინავს",
        "12:30 - 14:45",
    ],
)
def test_a_language_never_seen_is_not_guessed_at(loader: ModelLoader, text: str) -> None:
    read = loader.text.perceive(TextMessage(text, 0.0))
    assert read.quality < 0.5
    assert read.probabilities.max() < 0.5 or read.probabilities.argmax() == NEUTRAL


@pytest.mark.parametrize(
    "text",
    [
        "\x00\x07\x1b[31m\r",
        "\ud800 happy",
        "أنا سعيد \u202eيا صديقي",
        "so happy 我很高兴 я рад",
        "<p>I am <b>so happy</b></p><script>1</script>",
        "so happy " * 120_000,
        "x" * 1_000_000,
    ],
    ids=["control", "surrogate", "right to left", "mixed", "html", "1 MB", "one word"],
)
def test_odd_texts_are_read_like_any_other(loader: ModelLoader, text: str) -> None:
    read = loader.text.perceive(TextMessage(text, 0.0))
    assert read.probabilities.sum() == pytest.approx(1, abs=1e-5)
    if "happy" in text:
        assert EMOTIONS[int(read.probabilities.argmax())] == "happy"


@settings(max_examples=200)
@given(st.text(st.characters(), max_size=400))
def test_every_string_is_read(loader: ModelLoader, text: str) -> None:
    read = loader.text.perceive(TextMessage(text, 0.0))
    assert read.probabilities.sum() == pytest.approx(1, abs=1e-5)
    assert (read.probabilities >= 0).all()
    assert 0 <= read.quality <= 1


def test_a_text_is_answered_as_the_whole_of_its_features_is(loader: ModelLoader) -> None:
    perception = loader.text
    spec = perception.classifier.manifest.input
    assert isinstance(spec, TextInput)
    for text in ("so happy today", "I hate this", "", "so happy today"):
        (sparse,) = text_windows(text, spec)
        assert isinstance(sparse, dict)
        dense = {**sparse, NGRAMS: text_features(text, spec)}
        found = perception.classifier.logits(sparse)
        assert np.array_equal(found, perception.classifier.logits(dense))


def test_a_text_without_emotion_or_with_one_word_counts_less(loader: ModelLoader) -> None:
    def quality_of(text: str) -> float:
        return loader.text.perceive(TextMessage(text, 0.0)).quality

    full = quality_of("I am so happy about this!")
    assert quality_of("happy") < full
    assert quality_of("the table is made of wood") < full / 2
    assert quality_of("happy!!! . ,") == pytest.approx(quality_of("happy"), abs=0.05)
    # Where words are not set apart, each sign is one.
    assert quality_of("我很高兴") > quality_of("高")
