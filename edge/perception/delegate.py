"""Chooses what runs a model: the configured delegate, if it can, or the processor.

A delegate is somebody else's library and may end the process, so it is first tried with each model
in a process of its own.
"""

import logging
import os
import signal
import subprocess
import sys
from pathlib import Path

import msgspec

from edge.config import Delegate
from edge.errors import ModelError
from edge.perception.interpreter import Interpreter
from edge.perception.pack import load_pack
from edge.processes import python_command

logger = logging.getLogger(__name__)

TRIAL_S = 10.0
"""Longest trial; the daemon's watchdog allows 30 s for the two models of faces."""
RAN = "ran"
MAX_REASON = 500


class Trial(msgspec.Struct, frozen=True):
    """What the process tries."""

    manifest: str
    delegate: Delegate


def delegate_of(manifest: Path, delegate: Delegate) -> Delegate | None:
    """Returns the delegate if it runs a pack's model, None for the processor.

    A refusal is logged; raises ModelError instead if the delegate is required.
    """
    if not delegate.path:
        return None
    fault = _fault(manifest, delegate)
    if not fault:
        return delegate
    if delegate.required:
        raise ModelError(
            f"{manifest}: {fault}; repair it, or set models.delegate.required to false to run the "
            "model on the processor"
        )
    logger.warning("%s: %s; the model runs on the processor, with XNNPACK", manifest, fault)
    return None


def _fault(manifest: Path, delegate: Delegate) -> str:
    """Returns why a delegate cannot run a model; empty if it can."""
    trial = msgspec.json.encode(Trial(str(manifest), delegate)).decode()
    command = python_command("from edge.perception.delegate import main; main()", trial)
    try:
        done = subprocess.run(  # noqa: S603 - this Python, this module
            command, stdin=subprocess.DEVNULL, capture_output=True, timeout=TRIAL_S, check=False
        )
    except OSError as error:
        return f"the delegate {delegate.path} cannot be tried ({error.strerror})"
    except subprocess.TimeoutExpired:
        return f"the delegate {delegate.path} does not answer within {TRIAL_S:g} s"
    if done.returncode < 0:
        name = signal.Signals(-done.returncode).name
        return f"the delegate {delegate.path} ends the process ({name})"
    answer = done.stdout.decode(errors="replace").strip().splitlines()
    last = answer[-1] if answer else f"the delegate {delegate.path} gives no answer"
    return "" if last == RAN else last


def main() -> None:
    """Runs one model once, on zeros; prints RAN, or why it did not."""
    trial = msgspec.json.decode(sys.argv[1], type=Trial)
    try:
        model = load_pack(Path(trial.manifest)).model
        interpreter = Interpreter(model, trial.delegate.path, delegate=trial.delegate)
        interpreter.run(interpreter.blank)
        answer = RAN
    except (ModelError, RuntimeError, ValueError) as error:
        answer = " ".join(str(error).split())[:MAX_REASON]
    os.write(sys.stdout.fileno(), f"\n{answer}\n".encode())
    os._exit(0)  # what a refused delegate leaves behind may end the process
