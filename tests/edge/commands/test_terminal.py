import msgspec
import pytest

from edge.commands.terminal import message_line
from edge.publish.messages import SCHEMAS
from tests.support.messages import messages

TOPICS = {topic: topic for topic in SCHEMAS} | {"modality": "face/state"}


@pytest.mark.parametrize("kind", list(SCHEMAS))
def test_every_message_is_put_in_one_line(kind: str) -> None:
    payload = msgspec.json.encode(messages()[kind])
    line = message_line("kiosk", TOPICS[kind], payload, False)
    assert line.split()[1:3] == ["kiosk", TOPICS[kind]]
    assert "\n" not in line
    assert "another version" not in line


def test_what_cannot_be_understood_is_counted_and_never_obeyed() -> None:
    assert message_line("kiosk", "state", b"{}", False).endswith("2 bytes of another version")
    line = message_line("ki\x1b[2Josk", "face/status", b"ok\x1b]0;title\x07\xff", True)
    assert line.strip() == "ki?[2Josk  face/status   ok?]0;title?\ufffd (retained)"
