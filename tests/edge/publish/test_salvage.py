"""Events survive damage to the file that holds them, wherever it is and whenever it is found."""

import itertools
import os
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from edge.config import SpoolLimits
from edge.publish.spool import Spool
from edge.publish.store import EventStore
from tests.support.clock import FakeClock

EVENTS = [b'{"number":%d,"filler":"%s"}' % (number, b"x" * 500) for number in range(90)]
DELIVERED = 20
WAITING = EVENTS[DELIVERED:]


class Killed:
    """The files of a spool whose process was killed after it delivered some of its events."""

    def __init__(self, folder: Path) -> None:
        self.clock, self._folder = FakeClock(), folder
        self.spool = Spool(SpoolLimits(), folder / "running" / "spool.sqlite", self.clock)
        tickets = []
        for number, event in enumerate(EVENTS):
            tickets.append(self.spool.add(event))
            if number % 6 == 5:
                self._write()
        for at in range(0, DELIVERED, 4):
            for ticket in tickets[at : at + 4]:
                self.spool.remove(ticket)
            self._write()
        self.files = {file.name: file.read_bytes() for file in self.running.iterdir()}

    @property
    def running(self) -> Path:
        return self._folder / "running"

    def _write(self) -> None:
        self.clock.moment_s += 5
        self.spool.write_if_due()

    def again(self, changes: dict[str, bytes] | None = None, empty: bool = True) -> Spool:
        """Opens the spool in the next process, from files of which some were changed."""
        folder = self._folder / "next"
        if empty:
            folder.mkdir(exist_ok=True)
            for file in folder.iterdir():
                file.unlink()
            for name, content in (self.files | (changes or {})).items():
                (folder / name).write_bytes(content)
        return Spool(SpoolLimits(), folder / "spool.sqlite", self.clock)


@pytest.fixture
def killed(tmp_path: Path) -> Iterator[Killed]:
    one = Killed(tmp_path)
    yield one
    one.spool.close()


def _left(spool: Spool) -> list[bytes]:
    seen: dict[int, bytes] = {}
    while (oldest := spool.oldest(excluding=seen)) is not None:
        seen[oldest[0]] = oldest[1]
    spool.close()
    return list(seen.values())


def _flipped(content: bytes, at: int, bit: int) -> bytes:
    return content[:at] + bytes([content[at] ^ 1 << bit]) + content[at + 1 :]


def test_a_flipped_bit_of_the_write_ahead_log_costs_one_event_at_most(killed: Killed) -> None:
    log, rng = killed.files["spool.sqlite-wal"], np.random.default_rng(0)
    frame_headers = range(32, len(log), 4120)
    places = [*rng.integers(len(log), size=20), *range(16, 32, 5), *frame_headers[::9]]
    for at in places:
        left = _left(killed.again({"spool.sqlite-wal": _flipped(log, at, int(rng.integers(8)))}))
        assert [one for one in WAITING if one in left] == [one for one in left if one in WAITING]
        assert len(set(WAITING) - set(left)) <= 1, at
        assert len(left) == len(set(left))


def test_no_flip_of_the_pages_above_the_first_events_takes_the_table_for_empty(
    tmp_path: Path,
) -> None:
    clock = FakeClock()
    spool = Spool(SpoolLimits(), tmp_path / "spool.sqlite", clock)
    for event in EVENTS[:20]:  # the first transaction: the one root before it was empty
        spool.add(event)
    clock.moment_s += 5
    spool.write_if_due()
    files = {one.name: one.read_bytes() for one in tmp_path.iterdir()}
    spool.close()
    log = files["spool.sqlite-wal"]
    roots = [at for at in range(32, len(log), 4120) if log[at : at + 4] == b"\0\0\0\2"]
    folder = tmp_path / "next"
    for at in (24, 28, 30, 36, 38, 4119):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        damaged = _flipped(log, roots[-1] + at, 2)
        for name, content in (files | {"spool.sqlite-wal": damaged}).items():
            (folder / name).write_bytes(content)
        assert _left(Spool(SpoolLimits(), folder / "spool.sqlite", clock)) == EVENTS[:20], at


def test_what_was_delivered_stays_delivered_when_the_rest_is_salvaged(killed: Killed) -> None:
    log = killed.files["spool.sqlite-wal"]
    assert _left(killed.again({"spool.sqlite-wal": _flipped(log, 10 * 4120 + 2000, 3)})) == WAITING


def test_a_log_that_ends_within_a_transaction_is_not_taken_for_damage(
    killed: Killed, caplog: pytest.LogCaptureFixture
) -> None:
    log = killed.files["spool.sqlite-wal"]
    assert _left(killed.again({"spool.sqlite-wal": log[:-5000]})) == EVENTS[DELIVERED - 4 :]
    for length in (0, 1, 20, 31, 32, 100):
        assert _left(killed.again({"spool.sqlite-wal": log[:length]})) == []
    assert "damaged" not in caplog.text


def test_damage_found_while_running_costs_no_event_and_delivers_none_again(
    killed: Killed, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise sqlite3.DatabaseError("database disk image is malformed")

    spool = killed.spool
    spool.remove(DELIVERED + 1)  # the first ticket is 1; not yet removed from the disk
    spool.add(b"not yet on the disk")
    with monkeypatch.context() as broken:
        broken.setattr(EventStore, "read", fail)
        assert spool.oldest() is None
    assert _left(spool) == [*WAITING[1:], b"not yet on the disk"]
    assert spool.dropped == 0
    killed.files = {file.name: file.read_bytes() for file in killed.running.iterdir()}
    assert _left(killed.again()) == [*WAITING[1:], b"not yet on the disk"]


@pytest.mark.parametrize("step", range(5))
def test_a_power_failure_while_salvaging_loses_nothing(
    killed: Killed, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    log = killed.files["spool.sqlite-wal"]
    damaged = {"spool.sqlite-wal": _flipped(log, 10 * 4120 + 2000, 3)}
    steps, replace = itertools.count(), Path.replace

    def fail_at_step(self: Path, target: Path) -> Path:
        if next(steps) >= step:
            raise OSError("the power failed")
        return replace(self, target)

    with monkeypatch.context() as failing:
        failing.setattr(Path, "replace", fail_at_step)
        killed.again(damaged).close()
    assert _left(killed.again(empty=False)) == WAITING
    assert next(steps) > 0


def test_what_could_not_be_read_is_counted_and_logged(
    killed: Killed, caplog: pytest.LogCaptureFixture
) -> None:
    rubbish = {
        name: content.replace(EVENTS[50], bytes(len(EVENTS[50])))
        for name, content in killed.files.items()
    }
    spool = killed.again(rubbish)
    assert _left(spool) == [one for one in WAITING if one != EVENTS[50]]
    assert spool.dropped == 1
    assert "with the 69 events that could be read; 1 between them could not" in caplog.text


def test_after_a_crash_a_full_disk_keeps_no_event_from_being_read(killed: Killed) -> None:
    disk = killed.running.with_name("next")
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=400k", "tmpfs", str(disk)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("a small file system cannot be mounted here")
    try:
        for name, content in killed.files.items():
            (disk / name).write_bytes(content)
        with (disk / "filler").open("ab") as filler:
            filler.write(bytes(os.statvfs(disk).f_bavail * os.statvfs(disk).f_bsize))
        assert _left(killed.again(empty=False)) == WAITING
    finally:
        subprocess.run(["umount", str(disk)], check=True)
