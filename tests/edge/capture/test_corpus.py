"""Every format with every fault: an answer or one error, in bounded time and memory."""

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from benchmarks.harness.clips import HAPPY_CLIP
from benchmarks.harness.media_corpus import (
    DURATION_S,
    FAULTS,
    HARMLESS,
    PICTURES,
    SIDE,
    VIDEOS,
    combinations,
    whole,
)
from edge.capture.decoding import Job, Piece, Worker
from edge.config import Files
from edge.errors import SourceError

MAX_S, MAX_KB = 2.0, 500_000
"""Of the processor: a busy machine may take longer."""


@pytest.fixture(scope="module")
def worker() -> Iterator[Worker]:
    """One process decodes all, so that a crash, or memory that grows, is seen."""
    started = Worker(Files())
    list(started.pieces(Job("sound", bytes(HAPPY_CLIP))))  # its libraries are loaded by now
    yield started
    assert _most_memory_kb(started) < MAX_KB
    started.close()


def _most_memory_kb(worker: Worker) -> int:
    status = Path(f"/proc/{worker.process_id}/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM"))


def _processor_s(worker: Worker) -> float:
    """Time that the processor has spent for a worker."""
    fields = Path(f"/proc/{worker.process_id}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def decoded(worker: Worker, job: Job) -> list[Piece] | SourceError:
    before_s = _processor_s(worker)
    try:
        return list(worker.pieces(job))
    except SourceError as error:
        return error
    finally:
        assert worker.is_idle, "the decoder has ended"
        assert _processor_s(worker) - before_s < MAX_S


def test_the_corpus_is_large() -> None:
    assert len(list(combinations())) >= 400


@pytest.mark.parametrize(("suffix", "fault"), list(combinations()))
def test_a_file_gives_an_answer_or_one_error(
    worker: Worker, tmp_path: Path, suffix: str, fault: str
) -> None:
    path = tmp_path / f"a{suffix}"
    path.write_bytes(FAULTS[fault](whole(suffix)))
    jobs = {"picture": suffix in PICTURES, "frames": suffix in VIDEOS, "sound": True}
    jobs["sound"] = suffix not in PICTURES
    for kind in (kind for kind, has_it in jobs.items() if has_it):
        found = decoded(worker, Job(kind, bytes(path), 30.0))  # type: ignore[arg-type]
        if fault in HARMLESS:
            assert not isinstance(found, SourceError), found
        if isinstance(found, SourceError):
            assert str(found).startswith(f"{path}: ")
            assert "\n" not in str(found)
            assert "cannot decode it (" not in str(found), "an exception that nobody promised"
        elif fault in HARMLESS:
            _check_whole(kind, found)


def _check_whole(kind: str, found: list[Piece]) -> None:
    if kind == "sound":
        assert len(found[0].sound) == pytest.approx(16_000 * DURATION_S, abs=2500)
        assert np.abs(found[0].sound[4000:12_000]).mean() == pytest.approx(10_430, rel=0.1)
        return
    assert len(found) == pytest.approx(30 * DURATION_S if kind == "frames" else 1, abs=2)
    assert found[0].answer.shape == (SIDE, SIDE, 3)
    assert found[0].pixels[24:36, 24:36].mean() > 220
