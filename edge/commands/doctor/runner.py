"""One check, for a bounded time, whatever comes of it."""

import threading
from collections.abc import Callable
from dataclasses import dataclass

from edge.commands.doctor.report import MAX_STATE_WAIT_S, CheckResult, failed
from edge.errors import EmotiondError, describe

Check = Callable[[], CheckResult]

REINSTALL = "install emotiond again; if it stays so, report it"


@dataclass(frozen=True)
class TimeLimit:
    """How long a check may take, and what to do where it takes longer."""

    limit_s: float
    remedy: str


DEVICE_LIMIT = TimeLimit(
    20.0, "unplug the device and plug it in again, or see what keeps the network from answering"
)
"""Of what a driver or a network may never answer."""
BROKER_LIMIT = TimeLimit(DEVICE_LIMIT.limit_s + MAX_STATE_WAIT_S, DEVICE_LIMIT.remedy)
MODEL_LIMIT = TimeLimit(
    60.0, "see what else keeps the processor busy (`top`); if nothing does: " + REINSTALL
)
"""Of what only computes: on a slow board, and while the service does as well."""


def run_check(action: Check, limit: TimeLimit = DEVICE_LIMIT) -> CheckResult:
    """What `action` finds, or what kept it from result anything."""
    results: list[CheckResult] = []

    def run() -> None:
        try:
            results.append(action())
        except EmotiondError as error:
            results.append(failed(str(error)))
        except ImportError as error:
            results.append(failed(f"a library cannot be loaded ({error})", REINSTALL))
        except Exception as error:  # whatever it was, the other checks go on
            results.append(failed(f"failed with {describe(error)}", REINSTALL))

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(limit.limit_s)
    if not results:
        return failed(f"no answer within {limit.limit_s:g} s", limit.remedy)
    return results[0]
