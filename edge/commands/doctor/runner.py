"""Runs a check within a time limit and turns its errors into results."""

import threading
from collections.abc import Callable
from dataclasses import dataclass

from edge.commands.doctor.report import MAX_STATE_WAIT_S, CheckResult, failed
from edge.errors import EmotiondError, describe

Check = Callable[[], CheckResult]

REINSTALL = "install emotiond again; if that does not help, report it"


@dataclass(frozen=True)
class TimeLimit:
    """Maximum duration of a check, and the remedy if it takes longer."""

    limit_s: float
    remedy: str


DEVICE_LIMIT = TimeLimit(
    20.0, "unplug the device and plug it in again, or find out why the network does not answer"
)
"""For checks that a driver or a network may never answer."""
BROKER_LIMIT = TimeLimit(DEVICE_LIMIT.limit_s + MAX_STATE_WAIT_S, DEVICE_LIMIT.remedy)
MODEL_LIMIT = TimeLimit(
    60.0, "find out what else keeps the processor busy (`top`); if nothing does, " + REINSTALL
)
"""For checks that only compute, even on a slow board while the service runs."""


def run_check(action: Check, limit: TimeLimit = DEVICE_LIMIT) -> CheckResult:
    """Returns the result of `action`, or a failure if it raises or exceeds its limit."""
    results: list[CheckResult] = []

    def run() -> None:
        try:
            results.append(action())
        except EmotiondError as error:
            results.append(failed(str(error)))
        except ImportError as error:
            results.append(failed(f"a library cannot be loaded ({error})", REINSTALL))
        except Exception as error:  # the other checks go on after any error
            results.append(failed(f"failed with {describe(error)}", REINSTALL))

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(limit.limit_s)
    if not results:
        return failed(f"no answer within {limit.limit_s:g} s", limit.remedy)
    return results[0]
