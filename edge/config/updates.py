"""The section of the configuration about updates of the models: `models.updates`."""

from typing import Annotated

from msgspec import Meta

from edge.addresses import address_fault
from edge.section import Section


class Updates(Section, frozen=True):
    """Signed bundles of models, fetched when `set/models` asks for one; off without a source."""

    source: str = ""
    """Address of the folder that has `models-VERSION.tar`; no other is ever asked."""
    insecure_http: bool = False
    """Allows http:// to another machine."""
    ca_file: str = ""
    """Certificates to trust, a PEM file; empty for the system's."""
    keys: Annotated[str, Meta(min_length=1)] = "/etc/emotiond/keys"
    """Folder of the public keys, `NAME.pem`, whose signatures are trusted."""
    max_bytes: Annotated[int, Meta(ge=1024, le=4_000_000_000)] = 100_000_000
    timeout_s: Annotated[float, Meta(gt=0, le=86_400)] = 600.0
    """Longest download."""

    def __post_init__(self) -> None:
        """Raises ValueError, which msgspec reports with the place in the file."""
        if self.source and (fault := address_fault(self.source, self.insecure_http)):
            raise ValueError(f"source cannot be used: {fault}")

    def address(self, version: str) -> str:
        """Returns the address of the bundle with a version."""
        return f"{self.source.rstrip('/')}/models-{version}.tar"
