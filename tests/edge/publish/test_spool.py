import itertools
import os
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from edge.clock import Clock
from edge.config import SpoolLimits
from edge.publish import salvage, store
from edge.publish.spool import Spool
from tests.support.clock import FakeClock

LIMITS = SpoolLimits()


class Spooled:
    """A spool on a file, and its clock."""

    def __init__(self, folder: Path, limits: SpoolLimits = LIMITS) -> None:
        self.file, self.limits, self.clock = folder / "state" / "spool.sqlite", limits, FakeClock()
        self.spool = self.beside()

    def beside(self) -> Spool:
        """Opens another spool on the same file."""
        return Spool(self.limits, self.file, self.clock)

    def again(self) -> Spool:
        """Opens the spool as a new process does after this one was killed without writing."""
        if (held := self.spool._file._store) is not None:
            held.close()
        self.spool = self.beside()
        return self.spool

    def wait(self, seconds: float) -> None:
        self.clock.moment_s += seconds
        self.spool.write_if_due()


def payloads(spool: Spool) -> list[bytes]:
    """All that is waiting, in order."""
    seen: dict[int, bytes] = {}
    while (oldest := spool.oldest(excluding=seen)) is not None:
        seen[oldest[0]] = oldest[1]
    return list(seen.values())


def test_what_waits_longer_than_the_interval_is_there_for_the_next_process(tmp_path: Path) -> None:
    kept = Spooled(tmp_path)
    for number in range(3):
        kept.spool.add(b"%d" % number)
    kept.wait(4.9)
    assert kept.spool.unwritten == 3
    kept.wait(0.2)
    kept.spool.add(b"too young to be written")
    assert kept.spool.unwritten == 1
    assert payloads(kept.again()) == [b"0", b"1", b"2"]


def test_what_is_acknowledged_in_time_never_touches_the_disk(tmp_path: Path) -> None:
    kept = Spooled(tmp_path)
    files = [kept.file, kept.file.with_name("spool.sqlite-wal")]
    untouched = [(file.stat().st_mtime_ns, file.stat().st_size) for file in files]
    waiting = kept.spool.add(b"there is always one on its way")
    for number in range(100):
        newer = kept.spool.add(b"%d" % number)
        kept.wait(1.0)
        kept.spool.remove(waiting)
        waiting = newer
    assert [(file.stat().st_mtime_ns, file.stat().st_size) for file in files] == untouched


def test_the_disk_is_written_at_most_once_an_interval(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept, writes = Spooled(tmp_path), []
    write = store.EventStore.write

    def counted(self: store.EventStore, added: object, removed: object) -> None:
        writes.append(kept.clock.moment_s)
        write(self, added, removed)  # type: ignore[arg-type]

    monkeypatch.setattr(store.EventStore, "write", counted)
    for number in range(600):
        kept.spool.add(b"%d" % number)
        kept.wait(0.1)
    assert len(writes) == 11
    assert min(later - one for one, later in itertools.pairwise(writes)) >= 5.0


def test_what_is_removed_after_it_was_written_does_not_come_back(tmp_path: Path) -> None:
    kept = Spooled(tmp_path)
    tickets = [kept.spool.add(b"%d" % number) for number in range(200)]
    kept.wait(5)
    for ticket in tickets[:150]:
        kept.spool.remove(ticket)
    assert payloads(kept.spool) == [b"%d" % number for number in range(150, 200)]
    kept.spool.close()
    assert payloads(kept.again()) == [b"%d" % number for number in range(150, 200)]


def test_count_bytes_and_age_bound_it_and_the_oldest_give_way(tmp_path: Path) -> None:
    limits = SpoolLimits(max_events=4, max_bytes=10_000, max_age_s=60)
    kept = Spooled(tmp_path, limits)
    for number in range(3):
        kept.spool.add(b"%d" % number)
    kept.wait(6)
    for number in range(3, 6):
        kept.spool.add(b"%d" % number)
    assert payloads(kept.spool) == [b"2", b"3", b"4", b"5"]
    kept.spool.add(b"x" * 9_998)
    assert payloads(kept.spool) == [b"4", b"5", b"x" * 9_998]
    assert kept.spool.dropped == 4
    kept.wait(54.5)
    assert payloads(kept.again()) == [b"4", b"5", b"x" * 9_998]
    kept.clock.moment_s += 6
    assert payloads(kept.spool) == []
    assert kept.spool.dropped == 3


def test_age_is_that_of_the_clock_nobody_sets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = Spooled(tmp_path, SpoolLimits(max_age_s=3600))
    now_s = time.time()
    monkeypatch.setattr(time, "time", lambda: 86_400.0)  # a board without a battery, at boot
    kept.spool.add(b"before the time was known")
    kept.spool.close()
    monkeypatch.setattr(time, "time", lambda: now_s)
    assert payloads(kept.again()) == [b"before the time was known"]
    monkeypatch.setattr(store, "BOOT_ID", tmp_path / "another boot")
    after_boot = kept.again()
    assert payloads(after_boot) == [b"before the time was known"]


def test_events_of_an_earlier_boot_age_by_the_date(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = Spooled(tmp_path, SpoolLimits(max_age_s=3600))
    kept.spool.add(b"old")
    kept.spool.close()
    monkeypatch.setattr(store, "BOOT_ID", tmp_path / "another boot")
    now_s = time.time()
    monkeypatch.setattr(time, "time", lambda: now_s + 3000)
    young = kept.again()
    assert payloads(young) == [b"old"]
    young.close()
    monkeypatch.setattr(time, "time", lambda: now_s + 4000)
    assert payloads(kept.again()) == []


@pytest.mark.parametrize("damage", ["rubbish", "truncated", "of a later version"])
def test_a_damaged_file_is_set_aside_and_what_can_be_read_goes_into_a_new_one(
    tmp_path: Path, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    kept = Spooled(tmp_path)
    events = [b"%d" % number * 50 for number in range(500)]
    for event in events:
        kept.spool.add(event)
    kept.spool.close()
    if damage == "rubbish":
        kept.file.write_bytes(np.random.default_rng(0).bytes(10_000))
    elif damage == "truncated":
        os.truncate(kept.file, kept.file.stat().st_size // 2)
    else:
        with sqlite3.connect(kept.file) as connection:
            connection.execute("PRAGMA user_version = 99")
        connection.close()
    spool = kept.again()
    readable = payloads(spool)
    shares = {"rubbish": 0, "truncated": 0.4, "of a later version": 1}
    assert len(readable) >= shares[damage] * len(events)
    assert readable == events[: len(readable)]
    assert "spool.sqlite.damaged" in caplog.text
    assert kept.file.with_name("spool.sqlite.damaged").exists()
    spool.add(b"goes on")
    spool.close()
    assert payloads(kept.again()) == [*readable, b"goes on"]


def test_without_a_folder_to_write_to_events_wait_in_memory(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "state").write_text("a file where a folder should be")
    kept = Spooled(tmp_path)
    kept.spool.add(b"1")
    assert payloads(kept.spool) == [b"1"]
    assert "the spool cannot be used" in caplog.text
    (tmp_path / "state").unlink()
    kept.wait(5)
    assert payloads(kept.again()) == [b"1"]


def test_what_cannot_be_read_now_is_not_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = Spooled(tmp_path)
    for number in range(3):
        kept.spool.add(b"%d" % number)
    kept.wait(5)

    def fail(self: store.EventStore, first_ticket: int, count: int) -> dict[int, bytes]:
        raise sqlite3.OperationalError("disk I/O error")

    with monkeypatch.context() as broken:
        broken.setattr(store.EventStore, "read", fail)
        assert kept.spool.oldest() is None
    assert payloads(kept.spool) == [b"0", b"1", b"2"]
    assert kept.spool.dropped == 0


def test_a_damaged_file_that_cannot_be_replaced_yet_is_salvaged_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    kept = Spooled(tmp_path)
    kept.spool.add(b"on the disk")
    kept.wait(5)

    def fail(*_: object) -> None:
        raise sqlite3.DatabaseError("malformed")

    def read_only(*_: object) -> None:
        raise OSError("read-only file system")

    with monkeypatch.context() as broken:
        broken.setattr(store.EventStore, "read", fail)
        broken.setattr(salvage, "replace", read_only)
        assert kept.spool.oldest() is None
    assert "read-only file system" in caplog.text
    kept.spool.add(b"later")
    assert payloads(kept.spool) == [b"later"]
    kept.wait(5)
    assert payloads(kept.spool) == [b"on the disk", b"later"]
    assert kept.spool.dropped == 0


def test_a_second_process_leaves_the_file_alone_and_takes_over_when_it_is_free(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    kept = Spooled(tmp_path)
    kept.spool.add(b"first")
    kept.wait(5)
    second = kept.beside()
    assert "no other emotiond" in caplog.text
    second.add(b"second")
    assert payloads(second) == [b"second"]
    second.remove(1)
    kept.spool.close()
    kept.clock.moment_s += 5
    second.write_if_due()  # there is nothing to write, but something to be found
    second.add(b"third")
    assert payloads(second) == [b"first", b"third"]
    second.close()
    assert payloads(kept.again()) == [b"first", b"third"]


WRITER = """
import sys, time
from pathlib import Path
from edge.clock import Clock
from edge.config import SpoolLimits
from edge.publish.spool import Spool
spool = Spool(SpoolLimits(write_interval_s=0.02), Path(sys.argv[1]), Clock())
for number in range(int(sys.argv[2]), 1_000_000):
    spool.add(b"%d" % number)
    spool.write_if_due()
    if not spool.unwritten:
        print(number, flush=True)
    time.sleep(0.002)
"""


def test_what_was_written_survives_kill_9_at_any_moment(tmp_path: Path) -> None:
    file, begun, written = tmp_path / "spool.sqlite", 0, -1
    for wait_s in (0.05, 0.11, 0.17, 0.23):
        command = [sys.executable, "-c", WRITER, str(file), str(begun)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            process.stdout.readline()
            time.sleep(wait_s)
            process.kill()
            printed = process.stdout.read().split()
        written = int(printed[-1]) if printed else written
        spool = Spool(LIMITS, file, Clock())
        numbers = [int(one) for one in payloads(spool)]
        spool.close()
        assert numbers == list(range(len(numbers)))
        assert len(numbers) > written
        begun = len(numbers)


EVENTS = [b'{"data":{"number":%d,"what":"a waiting event"}}' % number for number in range(30)]


def _stored(folder: Path) -> Spooled:
    """A spool whose file holds EVENTS, all in the main file."""
    kept = Spooled(folder)
    for event in EVENTS:
        kept.spool.add(event)
    kept.spool.close()
    return kept


@pytest.mark.parametrize("part", range(8))
def test_a_flipped_bit_costs_the_event_that_it_hits(tmp_path: Path, part: int) -> None:
    kept, rng = _stored(tmp_path), np.random.default_rng(part)
    sound = kept.file.read_bytes()
    for _ in range(25):
        damaged = bytearray(sound)
        damaged[rng.integers(len(damaged))] ^= 1 << int(rng.integers(8))
        kept.file.write_bytes(damaged)
        spool = kept.beside()
        left = payloads(spool)
        spool.add(b"a new event")
        spool.close()
        assert [one for one in EVENTS if one in left] == left  # in order, none changed
        assert len(left) >= len(EVENTS) - 1
        for file in kept.file.parent.iterdir():
            file.unlink()


def test_no_bit_of_the_page_that_describes_the_table_blocks_the_spool(tmp_path: Path) -> None:
    kept = _stored(tmp_path)
    sound = kept.file.read_bytes()
    place = sound.index(b"CREATE TABLE")
    for at in [*range(0, 100, 7), *range(place - 40, place + 230, 9)]:
        for bit in (0, 4, 7):
            damaged = bytearray(sound)
            damaged[at] ^= 1 << bit
            kept.file.write_bytes(damaged)
            spool = kept.beside()
            spool.add(b"a new event")
            spool.close()
            assert spool.unwritten == 0, (at, bit)
            for file in kept.file.parent.iterdir():
                file.unlink()


@pytest.mark.parametrize("share", [0.0, 0.1, 0.35, 0.6, 0.9, 0.999])
def test_a_truncated_file_is_set_aside_and_a_new_one_works(tmp_path: Path, share: float) -> None:
    kept = _stored(tmp_path)
    whole = kept.file.read_bytes()
    kept.file.write_bytes(whole[: round(share * len(whole))])
    spool = kept.beside()
    assert [one for one in EVENTS if one in payloads(spool)] == payloads(spool)
    spool.add(b"a new event")
    spool.close()
    assert payloads(kept.beside())[-1] == b"a new event"


def test_damaged_values_are_given_up_and_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    kept = _stored(tmp_path)
    connection = sqlite3.connect(kept.file)
    for ticket, change in (
        (3, "payload = NULL"),
        (5, "utc_s = 9e300"),
        (7, "monotonic_s = NULL"),
        (9, "boot = X'ff'"),
        (11, "payload = CAST(payload || X'ff' AS TEXT)"),
        (13, "checksum = 'none'"),
        (15, "ticket = 9223372036854775807"),
    ):
        connection.execute(f"UPDATE events SET {change} WHERE ticket = {ticket}")  # noqa: S608
    connection.commit()
    connection.close()
    spool = kept.beside()
    assert payloads(spool) == [one for at, one in enumerate(EVENTS, 1) if at not in range(3, 16, 2)]
    assert spool.dropped == 7
    assert "gave up 7 damaged events" in caplog.text
    assert spool.newest == len(EVENTS)


def test_the_file_of_an_earlier_version_is_taken_over(tmp_path: Path) -> None:
    kept = _stored(tmp_path)
    connection = sqlite3.connect(kept.file)
    connection.execute("ALTER TABLE events DROP COLUMN checksum")
    connection.execute("PRAGMA user_version = 1")
    connection.commit()
    connection.close()
    spool = kept.beside()
    assert payloads(spool) == EVENTS
    assert spool.dropped == 0


def test_a_second_damaged_file_does_not_replace_the_first(tmp_path: Path) -> None:
    kept = _stored(tmp_path)
    for number in range(5):
        kept.file.write_bytes(b"damage %d" % number)
        kept.beside().close()
    names = [f"spool.sqlite.damaged{end}" for end in ("", ".2", ".3")]
    contents = [kept.file.with_name(name).read_bytes() for name in names]
    assert contents == [b"damage 0", b"damage 1", b"damage 4"]
