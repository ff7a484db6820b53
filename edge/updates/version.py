"""Versions of bundles, up to four numbers with dots between them, such as 1.12.0; and hashes."""

from typing import Annotated

from msgspec import Meta

Version = Annotated[str, Meta(pattern=r"^[0-9]{1,9}(\.[0-9]{1,9}){0,3}\Z")]
"""Nothing in it can lead out of a folder, or name another file of a server."""
MaybeVersion = Annotated[str, Meta(pattern=r"^([0-9]{1,9}(\.[0-9]{1,9}){0,3})?\Z")]
"""Empty for none."""
Hash = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}\Z")]
"""A sha256."""


def order(version: str) -> tuple[int, ...]:
    """Returns what versions are compared by; `1.2` equals `1.2.0`, and none is older than all."""
    numbers = [int(one) for one in version.split(".") if one]
    return tuple(numbers + [0] * (4 - len(numbers))) if numbers else ()
