"""Writes the log for a terminal, for systemd's journal, or as JSON."""

import json
import logging
import os
from datetime import datetime, timezone
from typing import IO

PLAIN = "%(levelname)s %(name)s: %(message)s"
PRIORITIES = {
    logging.DEBUG: 7,
    logging.INFO: 6,
    logging.WARNING: 4,
    logging.ERROR: 3,
    logging.CRITICAL: 2,
}
"""syslog's, which the journal shows in colour and filters by (sd-daemon(3))."""
FORMATS = ("auto", "plain", "json")


class _Lines(logging.Formatter):
    """One line a record, with no control character: names of files and topics may have some."""

    def format(self, record: logging.LogRecord) -> str:
        return "\n".join(printable(line) for line in super().format(record).splitlines())


class _Journal(_Lines):
    """Lines with the priority in front, by which the journal knows it."""

    def format(self, record: logging.LogRecord) -> str:
        priority = f"<{PRIORITIES.get(record.levelno, 6)}>"
        return "\n".join(priority + line for line in super().format(record).splitlines())


class _Json(logging.Formatter):
    """One JSON object a record."""

    def format(self, record: logging.LogRecord) -> str:
        moment = datetime.fromtimestamp(record.created, timezone.utc)
        return json.dumps(
            {
                "time": moment.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
                "level": record.levelname.lower(),
                "logger": record.name,
                "message": record.getMessage(),
            }
        )


def start_log(stream: IO[str], form: str) -> None:
    """Sends the log to a stream; `auto` is the journal's form if the journal reads the stream."""
    forms = {"json": _Json(), "plain": _Lines(PLAIN)}
    automatic = _Journal(PLAIN) if _is_journal(stream) else forms["plain"]
    handler = logging.StreamHandler(stream)
    handler.setFormatter(forms.get(form, automatic))
    root = logging.getLogger()
    root.addHandler(handler)
    root.setLevel(logging.INFO)


def set_level(level: str) -> None:
    """Sets the lowest level that is logged, by name."""
    logging.getLogger().setLevel(level.upper())


def printable(text: str) -> str:
    """Replaces what a terminal would obey, such as escape sequences, by question marks."""
    return "".join(one if one.isprintable() or one == "\t" else "?" for one in text)


def _is_journal(stream: IO[str]) -> bool:
    """Returns whether systemd reads a stream for its journal (systemd.exec(5), JOURNAL_STREAM)."""
    journal = os.environ.get("JOURNAL_STREAM", "")
    status = os.fstat(stream.fileno())
    return journal == f"{status.st_dev}:{status.st_ino}"
