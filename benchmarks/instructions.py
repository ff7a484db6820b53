"""Counts the instructions that a sample costs, on x86-64 and on arm64, under QEMU.

benchmarks/emulation.sh FOLDER
python -m benchmarks.instructions FOLDER [STAGE …]

Each stage runs WARM_UP times uncounted, then RUNS times. Counts do not depend on what else the
machine does. They say nothing about time: instructions differ in what they take, and processors in
what they have. The emulated x86-64 processor has AVX2 and no AVX-512.
"""

import argparse
import os
import re
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import cv2

from benchmarks.harness.stages import STAGES
from edge.commands.terminal import table

RUNS, WARM_UP = 15, 3
MARK = 0x656D6F74
"""As in benchmarks/harness/counter.c."""
EXECUTED = re.compile(r"^executed (\d+)$", re.MULTILINE)
ROOT = Path(__file__).parents[1]


class Processor(NamedTuple):
    """An emulated processor."""

    name: str
    emulator: str
    model: str
    root: str


PROCESSORS = (
    Processor("x86-64", "qemu-x86_64", "max", "amd64"),
    Processor("Cortex-A72", "qemu-aarch64", "cortex-a72", "arm64"),  # Raspberry Pi 4
    Processor("Cortex-A76", "qemu-aarch64", "cortex-a76", "arm64"),  # Raspberry Pi 5
)
"""The first is the one that the others are compared with."""


def _mark() -> None:
    """Makes the emulator print how many instructions it has executed."""
    with suppress(ProcessLookupError):
        os.getpgid(MARK)


def run(stages: list[str]) -> None:
    """Runs stages, with a mark before and after each."""
    cv2.setNumThreads(1)
    for stage in stages:
        action = STAGES[stage]()
        for index in range(WARM_UP):
            action(index)
        _mark()
        for index in range(WARM_UP, WARM_UP + RUNS):
            action(index)
        _mark()


def _count(processor: Processor, folder: Path, stages: list[str]) -> Iterator[float]:
    """Yields the instructions of a sample in each stage."""
    root = folder / processor.root
    command = [processor.emulator, "-cpu", processor.model, "-L", str(root)]
    command += ["-plugin", str(folder / "counter.so"), str(root / "usr/bin/python3.11")]
    command += ["-m", "benchmarks.instructions", "--run", str(folder), *stages]
    paths = {"PYTHONPATH": f"{ROOT}:{root / 'site'}", "OPENBLAS_NUM_THREADS": "1"}
    process = subprocess.run(
        command, env=os.environ | paths, capture_output=True, text=True, check=False
    )
    if process.returncode:
        raise RuntimeError(f"{processor.name}: exit status {process.returncode}\n{process.stderr}")
    counts = map(int, EXECUTED.findall(process.stderr))
    for before, after in list(pairwise(counts))[::2]:
        yield (after - before) / RUNS


def main() -> None:
    """Counts, or runs the stages."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, metavar="FOLDER")
    parser.add_argument("stages", nargs="*", metavar="STAGE", help=f"of {', '.join(STAGES)}")
    parser.add_argument("--run", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    stages = arguments.stages or list(STAGES)
    if arguments.run:
        run(stages)
        return
    counts = [list(_count(one, arguments.folder, stages)) for one in PROCESSORS]
    names = [one.name for one in PROCESSORS]
    rows = [
        (
            stage,
            *(f"{one / 1e6:.2f}" for one in each),
            *(f"{one / each[0]:.2f}" for one in each[1:]),
        )
        for stage, *each in zip(stages, *counts, strict=True)
    ]
    ratios = [f"{one} / {names[0]}" for one in names[1:]]
    print("million instructions of a sample, and ratios\n")
    print(table(("stage", *names, *ratios), rows))


if __name__ == "__main__":
    main()
