"""What the doctor found: a table for people, one JSON object for programs."""

import os
import textwrap
from typing import Any, Literal

import msgspec

from edge import __version__
from edge.commands.terminal import table
from edge.publish.messages import Timestamp
from edge.publish.payloads import SCHEMA_VERSION

Verdict = Literal["pass", "warn", "fail", "skip"]
NO_SESSION = "there is no session with the broker"
BROKER_TIMEOUT_S = 5.0
"""What each answer of the broker may take."""
MAX_STATE_WAIT_S = 15.0
"""A state of the daemon that may come later is not waited for: somebody waits for the report."""
FOUND_WIDTH = 72
"""Of the column that says what was found, in characters."""


class CheckResult(msgspec.Struct, frozen=True, kw_only=True):
    """What came of trying one thing."""

    name: str = ""
    """Of the check; the report gives it."""
    verdict: Verdict
    """`warn`: it works, and something should be seen to; `skip`: there was nothing to try."""
    found: str
    remedy: str = ""
    figures: dict[str, float] = {}
    """What was measured; each name ends in its unit."""


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """All that was tried, always in the same order."""

    schema_version: str = SCHEMA_VERSION
    version: str = __version__
    time: Timestamp
    ok: bool
    """Whether nothing failed."""
    checks: list[CheckResult]

    @property
    def exit_code(self) -> int:
        """0 where nothing failed, 78 where the configuration did, else 1."""
        failed = [check.name for check in self.checks if check.verdict == "fail"]
        if "config" in failed:
            return os.EX_CONFIG
        return int(bool(failed))


class BrokerReport(msgspec.Struct, frozen=True):
    """What a visit to the broker showed."""

    session: CheckResult
    echo: CheckResult = CheckResult(verdict="skip", found=NO_SESSION)
    daemon: CheckResult = CheckResult(verdict="skip", found=NO_SESSION)
    statuses: dict[str, str] = {}
    """Of each modality of a daemon that is online."""
    healthy: bool = False
    """Whether the daemon is online and tells its state, whatever its modalities say."""


def passed(found: str, **figures: float) -> CheckResult:
    """It works."""
    return CheckResult(verdict="pass", found=found, figures=figures)


def warned(found: str, remedy: str, **figures: float) -> CheckResult:
    """It works, and something should be seen to; a remedy as in `failed`."""
    return CheckResult(verdict="warn", found=found, remedy=remedy, figures=figures)


def failed(found: str, remedy: str = "", **figures: float) -> CheckResult:
    """It does not work; where `found` ends with what to do, no remedy is needed."""
    return CheckResult(verdict="fail", found=found, remedy=remedy, figures=figures)


def skipped(found: str) -> CheckResult:
    """There was nothing to try."""
    return CheckResult(verdict="skip", found=found)


def report_schema() -> dict[str, Any]:
    """JSON Schema (2020-12) of what `emotiond doctor --json` prints."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"emotiond doctor {SCHEMA_VERSION}",
        **msgspec.json.schema(Report),
    }


def render(report: Report) -> str:
    """The report as a table, each remedy below what it is for, and a line that counts."""
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
            line,
            FOUND_WIDTH,
            initial_indent=mark,
            subsequent_indent=" " * len(mark),
            break_long_words=False,
            break_on_hyphens=False,
        )
    return lines or [""]
