"""One check, for a bounded time, whatever comes of it."""

import threading
from collections.abc import Callable
from dataclasses import dataclass

from edge.commands.doctor.report import STATE_WAIT_S, Finding, failed
from edge.errors import EmotiondError, describe

Examine = Callable[[], Finding]

REINSTALL = "install emotiond again; if it stays so, report it"


@dataclass(frozen=True)
class Limit:
    """How long a check may take, and what to do where it takes longer."""

    longest_s: float
    remedy: str


WAITING = Limit(
    20.0, "unplug the device and plug it in again, or see what keeps the network from answering"
)
"""Of what a driver or a network may never answer."""
VISITING = Limit(WAITING.longest_s + STATE_WAIT_S, WAITING.remedy)
COMPUTING = Limit(
    60.0, "see what else keeps the processor busy (`top`); if nothing does: " + REINSTALL
)
"""Of what only computes: on a slow board, and while the service does as well."""


def attempt(action: Examine, limit: Limit = WAITING) -> Finding:
    """What `action` finds, or what kept it from finding anything."""
    findings: list[Finding] = []

    def run() -> None:
        try:
            findings.append(action())
        except EmotiondError as error:
            findings.append(failed(str(error)))
        except ImportError as error:
            findings.append(failed(f"a library cannot be loaded ({error})", REINSTALL))
        except Exception as error:  # whatever it was, the other checks go on
            findings.append(failed(f"failed with {describe(error)}", REINSTALL))

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(limit.longest_s)
    if not findings:
        return failed(f"no answer within {limit.longest_s:g} s", limit.remedy)
    return findings[0]
