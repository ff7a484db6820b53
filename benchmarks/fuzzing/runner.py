"""Runs a target on many inputs in child processes, and finds what it does not promise."""

import mmap
import os
import resource
import select
import signal
import struct
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from benchmarks.fuzzing.mutation import generator, mutated
from benchmarks.fuzzing.targets import Target, kept

BATCH = 500
"""Inputs of one child process."""
MAX_MB, HANGS_S = 500.0, 20.0
MAX_REASON, MAX_FAULTS = 300, 20
"""Characters of a reason, and reasons of one child: more do not fit into a pipe."""
PROGRESS = struct.Struct("<q")


@dataclass(frozen=True)
class Finding:
    """An input to which a target did something that it does not promise."""

    target: str
    number: int
    reason: str
    data: bytes


@dataclass
class Run:
    """The results of many inputs."""

    inputs: int = 0
    refused: int = 0
    slowest_s: float = 0.0
    most_mb: float = 0.0
    findings: list[Finding] = field(default_factory=list)


class _Report(msgspec.Struct):
    """A child's results."""

    refused: int = 0
    slowest_s: float = 0.0
    most_mb: float = 0.0
    faults: dict[int, str] = {}


def fuzz(name: str, target: Target, count: int, seed: int) -> Run:
    """Feeds `count` inputs to a target."""
    run, number = Run(), 0
    seeds = [*target.seeds, *(one.read_bytes() for one in kept(name))]

    def made(one: int) -> bytes:
        return mutated(seeds, generator(seed, name, one))

    while number < count:
        end = min(number + BATCH, count)
        report, last, death = _in_child(target, made, range(number, end))
        faults = dict(report.faults)
        if death:
            faults[last] = death
        run.inputs += last + 1 - number
        run.refused += report.refused
        run.slowest_s = max(run.slowest_s, report.slowest_s)
        run.most_mb = max(run.most_mb, report.most_mb)
        run.findings += [
            Finding(name, one, reason, made(one)) for one, reason in sorted(faults.items())
        ]
        number = last + 1
    return run


def _in_child(
    target: Target, inputs: Callable[[int], bytes], numbers: range
) -> tuple[_Report, int, str]:
    """Runs inputs in a child; returns its report, the last input, and how it died, if it did."""
    progress = mmap.mmap(-1, PROGRESS.size)
    PROGRESS.pack_into(progress, 0, numbers.start)
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        os.close(reading)
        _silence()
        report = _run_all(target, inputs, numbers, progress)
        os.write(writing, msgspec.json.encode(report))
        os._exit(0)
    os.close(writing)
    death = _wait(child, reading, progress)
    with os.fdopen(reading, "rb") as pipe:
        text = pipe.read()
    (last,) = PROGRESS.unpack_from(progress, 0)
    report = msgspec.json.decode(text, type=_Report) if text else _Report()
    return report, last, death


def _wait(child: int, reading: int, progress: mmap.mmap) -> str:
    """Waits for a child; returns how it died, empty if it did not."""
    before, killed = b"", False
    while not select.select([reading], [], [], HANGS_S)[0]:
        if progress[:] == before:
            os.kill(child, signal.SIGKILL)
            killed = True
            break
        before = progress[:]
    # A report is shorter than a pipe's buffer, so the child ends without being read.
    _, status = os.waitpid(child, 0)
    if killed:
        return f"no answer within {HANGS_S:.0f} s"
    if os.WIFSIGNALED(status):
        return f"ended with {signal.Signals(os.WTERMSIG(status)).name}"
    return f"ended with exit code {os.WEXITSTATUS(status)}" if status else ""


def _silence() -> None:
    """Sends what libraries write to nowhere."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    os.dup2(null, 2)


def _run_all(
    target: Target, inputs: Callable[[int], bytes], numbers: range, progress: mmap.mmap
) -> _Report:
    report = _Report()
    for number in numbers:
        data = inputs(number)
        PROGRESS.pack_into(progress, 0, number)
        started_s = time.process_time()  # other programs may hold up this one
        reason = _run_one(target, data, report)
        took_s = time.process_time() - started_s
        most_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
        if took_s > target.max_s:
            reason = reason or f"took {took_s:.1f} s"
        if most_mb > MAX_MB > report.most_mb:
            reason = reason or f"took {most_mb:.0f} MB"
        report.slowest_s = max(report.slowest_s, took_s)
        report.most_mb = most_mb
        if reason and len(report.faults) < MAX_FAULTS:
            report.faults[number] = reason
    return report


def _run_one(target: Target, data: bytes, report: _Report) -> str:
    """Runs one input; returns what the target does not promise, if it did such a thing."""
    try:
        target.run(data)
    except target.promised:
        report.refused += 1
    except BaseException as error:
        place = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{Path(place.filename).name}:{place.lineno}"
        return f"{type(error).__name__} at {where}: {error}"[:MAX_REASON]
    return ""
