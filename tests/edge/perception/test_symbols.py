import pytest

from edge.perception.symbols import spell_out


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("fine :-)))", "fine smiling face"),
        (">:( =D xD :'-( <33", "angry face grinning face laughing face crying face love"),
        ("no 😡!", "no angry face !"),
        ("a pizza 🍕", "a pizza slice of pizza"),
        ("❤️❤️❤️", "love heart"),
        ("😂😂😭", "face with tears of joy loudly crying face"),
    ],
)
def test_emoji_and_emoticons_are_written_out(text: str, words: str) -> None:
    assert " ".join(spell_out(text).split()) == words


@pytest.mark.parametrize("text", ["10:30 (a) don't C:/x", "exd :3 1 < 3", "a \U0010ffff", ""])
def test_other_texts_stay_as_they_are(text: str) -> None:
    assert spell_out(text) == text
