"""A short run of `scripts/fuzz`, and the inputs that once did harm."""

import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from benchmarks.fuzzing.mutation import generator, mutated
from benchmarks.fuzzing.runner import fuzz
from benchmarks.fuzzing.targets import KEPT, TARGETS, Target


def test_broken_inputs_give_what_is_promised() -> None:
    """In a process of its own: its children must not inherit the threads of other tests."""
    command = [sys.executable, "-m", "benchmarks.fuzzing", "--seed", "1"]
    done = subprocess.run(
        [*command, "--cheap", "4000", "--costly", "1000"],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parents[1],
    )
    assert done.returncode == 0, done.stdout
    rows = [line.split()[0] for line in done.stdout.splitlines()]
    assert rows == ["target", *TARGETS]


@pytest.mark.parametrize("path", sorted(KEPT.glob("*/*")), ids=lambda path: path.name)
def test_an_input_that_once_did_harm_is_read_or_refused(path: Path) -> None:
    target = TARGETS[path.parent.name]
    with suppress(*target.promised):
        target.run(path.read_bytes())


def test_an_input_can_be_made_again() -> None:
    seeds = TARGETS["command"].seeds
    made = [mutated(seeds, generator(3, "command", 17)) for _ in range(2)]
    assert made[0] == made[1] != mutated(seeds, generator(3, "command", 18))


def test_exceptions_signals_and_slowness_are_found() -> None:
    def harm(data: bytes) -> None:
        if data[:1] == b"a":
            raise KeyError("nobody promised it")
        if data[:1] == b"b":
            os.kill(os.getpid(), signal.SIGKILL)

    def found(letter: bytes, max_s: float = 2.0) -> str:
        target = Target(harm, lambda: [letter * 2000], max_s=max_s)
        return next(iter(fuzz("harm", target, 1, seed=0).findings)).reason

    assert found(b"a").startswith("KeyError at test_fuzzing.py")
    assert found(b"b") == "ended with SIGKILL"
    assert found(b"c", max_s=0.0).startswith("took 0.0 s")
