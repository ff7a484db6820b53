"""All devices as server-sent events of bounded length: their histories may have 20 MB together."""

from collections.abc import Iterator

import msgspec

from edge.web.device_values import Broker
from edge.web.devices import DeviceBook
from edge.web.hub import as_event

PART_BYTES = 200_000


class Part(msgspec.Struct, frozen=True):
    """Some of the devices."""

    broker: Broker
    devices: list[msgspec.Raw]
    more: bool
    """True if another part follows."""


def snapshot(book: DeviceBook) -> Iterator[bytes]:
    """Yields events `devices`: every device by name, as it is by the time when it is yielded.

    An event ends with the device that makes it longer than PART_BYTES.
    """
    part, length = list[msgspec.Raw](), 0
    for name in book.online():
        if length > PART_BYTES:
            yield as_event("devices", Part(book.broker, part, more=True))
            part, length = [], 0
        if (device := book.device(name)) is not None:
            encoded = msgspec.json.encode(device)
            part.append(msgspec.Raw(encoded))
            length += len(encoded)
    yield as_event("devices", Part(book.broker, part, more=False))
