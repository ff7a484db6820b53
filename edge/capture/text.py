"""Texts as they arrive over MQTT."""

import msgspec

from edge.errors import PayloadError
from edge.values import NOBODY_SEEN, TextMessage


class TextCommand(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The JSON form of a message to `set/text`."""

    text: str
    subject: int = NOBODY_SEEN


def parse_text(payload: bytes, received_s: float, max_bytes: int) -> TextMessage:
    """A message to `set/text`: plain UTF-8 text, or a JSON object with `text` and `subject`.

    Raises PayloadError, whose words never quote the text.
    """
    if len(payload) > max_bytes:
        raise PayloadError(f"text of {len(payload)} bytes is longer than the {max_bytes} allowed")
    try:
        text = payload.decode("utf-8")
    except UnicodeDecodeError as error:
        raise PayloadError(f"text is not UTF-8 (byte {error.start})") from None
    command = TextCommand(text)
    if text.lstrip().startswith("{"):
        try:
            command = msgspec.json.decode(payload, type=TextCommand)
        except msgspec.DecodeError:
            raise PayloadError(
                'text begins as JSON but is not {"text": …} or {"text": …, "subject": number}'
            ) from None
    if not command.text.strip():
        raise PayloadError("text is empty")
    return TextMessage(command.text, received_s, command.subject)
