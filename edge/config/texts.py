"""The section of the configuration about texts: `text`."""

from typing import Annotated

from msgspec import Meta

from edge.section import Section

Path = Annotated[str, Meta(pattern=r"^([^.\s]+(\.[^.\s]+)*)?$", max_length=256)]
"""Keys and list indices from the outside in, with dots between them; empty for all of it."""


class TranscriptTopic(Section, frozen=True):
    """A topic on which a speech recognizer publishes what was said."""

    topic: Annotated[str, Meta(pattern=r"^[^$+#\x00][^+#\x00]*$", max_length=512)]
    path: Path = ""
    """Where the text is in the JSON of a message; empty if a message is the text."""
    where: Annotated[dict[Path, str], Meta(max_length=8)] = {}
    """Values, by their paths, of the messages that are meant: those of another room are not."""

    def __post_init__(self) -> None:
        """Raises ValueError, which msgspec reports with the place in the file."""
        if self.where and not self.path:
            raise ValueError("where needs path: only JSON has values to compare")


class Texts(Section, frozen=True):
    """Texts received over MQTT."""

    enabled: bool = True
    max_bytes: Annotated[int, Meta(ge=16, le=65_536)] = 8192
    topics: Annotated[tuple[TranscriptTopic, ...], Meta(max_length=16)] = ()
    """Further topics with texts, besides `set/text`."""

    def __post_init__(self) -> None:
        """Raises ValueError, which msgspec reports with the place in the file."""
        names = [one.topic for one in self.topics]
        if len(set(names)) < len(names):
            raise ValueError("topics has a topic twice")
