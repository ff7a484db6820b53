import json
from typing import Any

import pytest

from edge.config import TranscriptTopic
from edge.configfile import parse_config
from edge.errors import ConfigError, PayloadError
from edge.service.transcripts import transcript

HERMES = {
    "text": "turn on the light",
    "likelihood": 1.0,
    "seconds": 2.1,
    "siteId": "kiosk",
    "sessionId": None,
    "wakewordId": None,
    "asrTokens": [[{"value": "turn", "confidence": 1.0}]],
    "lang": None,
}
"""A message of Rhasspy 2.5 on `hermes/asr/textCaptured`."""


def _read(message: Any, path: str = "text", where: dict[str, str] | None = None) -> str | None:
    source = TranscriptTopic(topic="a", path=path, where=where or {})
    payload = message if isinstance(message, bytes) else json.dumps(message).encode()
    return transcript(payload, source, 8192)


def test_the_text_of_a_hermes_message_is_found() -> None:
    assert _read(HERMES) == "turn on the light"


def test_a_path_leads_through_lists_and_a_text_may_be_all_there_is() -> None:
    assert _read(HERMES, "asrTokens.0.0.value") == "turn"
    assert _read(b"hello", path="") == "hello"


def test_what_another_room_hears_and_silence_are_no_text() -> None:
    assert _read(HERMES, where={"siteId": "kitchen"}) is None
    assert _read(HERMES, where={"siteId": "kiosk"}) == "turn on the light"
    assert _read(HERMES, where={"sessionId": ""}) is None
    assert _read(HERMES | {"text": " "}) is None
    assert _read(b"", path="") is None


@pytest.mark.parametrize(
    "message",
    [
        b"",
        b"secret",
        b"\xff\xfe",
        b'{"text": "secret',
        b"[" * 8000,
        b'{"text":' * 1000,
        b"x" * 8193,
        b'"secret"',
        [],
        {"other": "secret"},
        {"text": ["secret"]},
        {"text": 5},
        {"text": None},
        b'{"text": "\\ud800"}',
    ],
)
def test_a_message_without_a_text_is_refused_and_never_quoted(message: Any) -> None:
    with pytest.raises(PayloadError) as caught:
        _read(message)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "path", ["asrTokens.9", "asrTokens.-1", "asrTokens.٣", "asrTokens.99999999"]
)
def test_an_index_outside_a_list_finds_nothing(path: str) -> None:
    with pytest.raises(PayloadError, match="has no text at"):
        _read(HERMES, path)


@pytest.mark.parametrize(
    ("topics", "reason"),
    [
        ("[{topic: 'a/#'}]", "f:2: text.topics: a list or a mapping is not allowed: expected str"),
        ("[{topic: $SYS/x}]", "f:2: text.topics: a list or a mapping is not allowed: expected str"),
        ("[{topic: a, where: {b: c}}]", "where needs path"),
        ("[{topic: a, path: a..b}]", "expected str matching regex"),
        ("[{topic: a, paht: b}]", "unknown field paht"),
        ("[{topic: a}, {topic: a}]", "topics has a topic twice"),
    ],
)
def test_topics_that_cannot_be_read_are_refused_with_their_line(topics: str, reason: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_config(f"text:\n  topics: {topics}\n", "f")
    assert reason in str(caught.value)
