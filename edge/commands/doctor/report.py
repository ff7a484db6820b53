"""The doctor's report: a table for people, one JSON object for programs."""

import os
import textwrap
from typing import Any, Literal

import msgspec

from edge import __version__
from edge.commands.terminal import table
from edge.logs import printable
from edge.publish.messages import Timestamp
from edge.publish.payloads import SCHEMA_VERSION

Verdict = Literal["pass", "warn", "fail", "skip"]
NO_SESSION = "no session with the broker"
BROKER_TIMEOUT_S = 5.0
"""Time limit for each answer of the broker."""
MAX_STATE_WAIT_S = 15.0
"""Maximum wait for the daemon's state, because the user waits for the report."""
FOUND_WIDTH = 72
"""Width of the column `found`, in characters."""


class CheckResult(msgspec.Struct, frozen=True, kw_only=True):
    """The result of one check."""

    name: str = ""
    """Name of the check, set by the report."""
    verdict: Verdict
    """`warn`: it works, but something needs attention; `skip`: there was nothing to try."""
    found: str
    remedy: str = ""
    figures: dict[str, float] = {}
    """Measurements; each name ends in its unit."""


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """The results of all checks, always in the same order."""

    schema_version: str = SCHEMA_VERSION
    version: str = __version__
    time: Timestamp
    ok: bool
    """True if no check failed."""
    checks: list[CheckResult]

    @property
    def exit_code(self) -> int:
        """0 if no check failed, 78 if the configuration failed, else 1."""
        failed = [check.name for check in self.checks if check.verdict == "fail"]
        if "config" in failed:
            return os.EX_CONFIG
        return int(bool(failed))


class BrokerReport(msgspec.Struct, frozen=True):
    """The results of one session with the broker."""

    session: CheckResult
    echo: CheckResult = CheckResult(verdict="skip", found=NO_SESSION)
    daemon: CheckResult = CheckResult(verdict="skip", found=NO_SESSION)
    statuses: dict[str, str] = {}
    """Status of each modality; empty if the daemon is not online."""
    healthy: bool = False
    """True if the daemon is online and publishes its state, whatever its modalities' status."""


def passed(found: str, **figures: float) -> CheckResult:
    """Returns the result of a check that found no problem."""
    return CheckResult(verdict="pass", found=found, figures=figures)


def warned(found: str, remedy: str, **figures: float) -> CheckResult:
    """Returns the result of a check of something that works but needs attention."""
    return CheckResult(verdict="warn", found=found, remedy=remedy, figures=figures)


def failed(found: str, remedy: str = "", **figures: float) -> CheckResult:
    """Returns the result of a failed check; no remedy is needed if `found` includes one."""
    return CheckResult(verdict="fail", found=found, remedy=remedy, figures=figures)


def skipped(found: str) -> CheckResult:
    """Returns the result of a check that had nothing to try."""
    return CheckResult(verdict="skip", found=found)


def report_schema() -> dict[str, Any]:
    """Returns the JSON Schema (2020-12) of the output of `emotiond doctor --json`."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"emotiond doctor {SCHEMA_VERSION}",
        **msgspec.json.schema(Report),
    }


def render(report: Report) -> str:
    """Formats the report as a table, each remedy below its problem, and a line of counts."""
    rows: list[tuple[str, str, str]] = []
    for check in report.checks:
        lines = _wrapped(check.found)
        lines += _wrapped(check.remedy, "→ ") if check.remedy else []
        rows.append((check.name, check.verdict, lines[0]))
        rows += [("", "", line) for line in lines[1:]]
    verdicts = [check.verdict for check in report.checks]
    counts = (f"{verdicts.count(each)} {each}" for each in ("pass", "warn", "fail", "skip"))
    return f"{table(('check', 'result', 'found'), rows)}\n\n{', '.join(counts)}"


def _wrapped(text: str, mark: str = "") -> list[str]:
    lines = []
    for line in text.splitlines():
        lines += textwrap.wrap(
            printable(line),
            FOUND_WIDTH,
            initial_indent=mark,
            subsequent_indent=" " * len(mark),
            break_long_words=False,
            break_on_hyphens=False,
        )
    return lines or [""]
