"""A stored event as a row, which proves by a checksum that it is as it was written."""

import struct
import zlib
from dataclasses import dataclass

LAYOUT = 3
"""Version of the table, stored in the file's user_version; before 3, no checksum has the ticket."""
MAX_TICKET = 2**53
"""A ticket beyond it, on either side, is damaged."""
TABLE = """CREATE TABLE IF NOT EXISTS events (
    ticket INTEGER PRIMARY KEY, boot TEXT, monotonic_s REAL, utc_s REAL, payload BLOB,
    checksum INTEGER
)"""
COLUMNS = ["ticket", "boot", "monotonic_s", "utc_s", "payload", "checksum"]
PUT = "INSERT OR REPLACE INTO events VALUES (?, ?, ?, ?, ?, ?)"


@dataclass(frozen=True)
class Row:
    """An event in the file, as it was written."""

    ticket: int
    boot: bytes
    """Identifier of the boot in which `monotonic_s` counts."""
    monotonic_s: float
    utc_s: float
    payload: bytes

    @property
    def checksum(self) -> int:
        """CRC-32 of all of it."""
        numbers = struct.pack("<qdd", self.ticket, self.monotonic_s, self.utc_s)
        return zlib.crc32(self.payload, zlib.crc32(self.boot, zlib.crc32(numbers)))

    @property
    def columns(self) -> tuple[int, str, float, float, bytes, int]:
        """The values to write."""
        boot = self.boot.decode()
        return self.ticket, boot, self.monotonic_s, self.utc_s, self.payload, self.checksum

    def is_sound(self, checksum: object) -> bool:
        """Returns whether it is as it was written, by the checksum that was written with it."""
        return abs(self.ticket) <= MAX_TICKET and self.checksum == checksum
