import queue
import threading
from collections.abc import Iterator

import pytest

from edge.capture.control import RunControl
from edge.capture.drop_oldest import DropOldestQueue
from edge.capture.reader import STEADY_S, Reader
from edge.capture.retry import Retry
from edge.capture.supervisor import ABANDON_S, MAX_ABANDONED, STALL_S, Supervisor
from edge.clock import Clock
from edge.config import Backoff
from edge.errors import Paused, SourceError
from tests.support.clock import FakeClock, Racing

SAMPLE_S = 0.1
Act = str | float | Exception
"""A fault, the seconds that a good sample takes to come, or what is raised."""


def run_control(stop: threading.Event | None = None) -> RunControl:
    running = threading.Event()
    running.set()
    return RunControl(running, stop or Racing())


def blind_retry() -> Retry:
    """Returns a Retry that notices no new device."""
    return Retry(Backoff(), frozenset)


class Device:
    """Does in each opening what a script says, then ends like a file."""

    def __init__(self, clock: FakeClock, acts: list[Act]) -> None:
        self.fault, self.steps = "", 0
        self._clock, self._acts = clock, iter(acts)

    def read(self) -> int | None:
        act = next(self._acts, None)
        if isinstance(act, Exception):
            raise act
        if act is None:
            return None
        self.steps += 1
        self.fault = act if isinstance(act, str) else ""
        self._clock.moment_s += SAMPLE_S if isinstance(act, str) else act
        return self.steps

    def close(self) -> None:
        pass


class Script:
    """Opens devices that play one part each, and notes what is reported when."""

    def __init__(self, *parts: list[Act] | Exception) -> None:
        self.clock, self.sink = FakeClock(), DropOldestQueue[int](1000)
        self.reports: list[tuple[float, str]] = []
        self._parts = iter(parts)

    def play(self, stop: threading.Event | None = None, retry: Retry | None = None) -> list[str]:
        """The statuses in their order."""
        Reader(
            "camera",
            self._open,
            self.sink,
            lambda status: self.reports.append((self.clock.now_s(), status)),
            retry or blind_retry(),
            self.clock,
            run_control(stop),
        ).run()
        return [status for _, status in self.reports]

    def _open(self) -> Device:
        part = next(self._parts, [])
        if isinstance(part, Exception):
            raise part
        return Device(self.clock, part)


def steady(seconds: float = 2 * STEADY_S) -> list[Act]:
    return [SAMPLE_S] * round(seconds / SAMPLE_S)


def test_a_device_that_fails_is_opened_again_and_each_change_reported_once() -> None:
    gone, absent = SourceError("unplugged"), SourceError("not there")
    script = Script(absent, absent, [*steady(), gone], absent, absent, steady())
    assert script.play() == [
        "degraded: not there",
        "ok",
        "degraded: unplugged",
        "degraded: not there",
        "ok",
        "off",
    ]


def test_a_device_that_works_from_the_start_is_ok_with_its_first_sample() -> None:
    script = Script(steady())
    assert script.play() == ["ok", "off"]
    assert script.reports[0][0] == pytest.approx(100.0 + SAMPLE_S)
    assert len(script.sink) == len(steady())


def test_a_loose_contact_is_not_reported_each_time_it_works_for_a_moment() -> None:
    loose: list[Act] = [*steady(0.5 * STEADY_S), SourceError("unplugged")]
    script = Script(loose, loose, loose, loose, steady())
    assert script.play() == ["ok", "degraded: unplugged", "ok", "off"]
    reported_s = [moment_s for moment_s, _ in script.reports]
    assert reported_s[2] - reported_s[1] >= 3 * 0.5 * STEADY_S + STEADY_S
    before, after = len(loose) - 1, len(steady(2 * STEADY_S)) - len(steady(STEADY_S))
    assert before < len(script.sink) <= before + after


def test_what_a_device_gives_while_something_is_wrong_with_it_counts_for_nothing() -> None:
    script = Script([*steady(), *["it is black"] * 30, *steady()])
    assert script.play() == ["ok", "degraded: it is black", "ok", "off"]
    assert len(script.sink) == 2 * len(steady())


def test_a_driver_that_fails_in_an_unforeseen_way_is_opened_again() -> None:
    script = Script([*steady(), RuntimeError("with something private in it")], steady())
    _, odd, *rest = script.play()
    assert odd.startswith("degraded: camera failed with RuntimeError at test_reader.py:")
    assert "private" not in odd
    assert rest == ["ok", "off"]


class RecordingRetry(Retry):
    """Records its calls; stops after a number of failures."""

    def __init__(self, failures: int) -> None:
        super().__init__(Backoff(), frozenset)
        self.calls: list[str | bool] = []
        self._left = failures

    def start_attempt(self) -> None:
        self.calls.append("opens")

    def wait(self, stop: threading.Event, was_steady: bool) -> None:
        self.calls.append(was_steady)
        self._left -= 1
        if not self._left:
            stop.set()


def test_retry_learns_with_each_failure_whether_the_device_was_steady_before() -> None:
    brief: list[Act] = [SAMPLE_S, SourceError("nothing")]
    lasting: list[Act] = [*steady(), SourceError("nothing")]
    retry = RecordingRetry(failures=3)
    Script(SourceError("not there"), brief, lasting).play(retry=retry)
    assert retry.calls == ["opens", False, "opens", False, "opens", True]


class Driver:
    """A driver whose devices give samples without end, or hang while `works` is not set."""

    def __init__(self) -> None:
        self.opened = self.closed = 0
        self.works, self.hangs = threading.Event(), threading.Semaphore(0)
        self.works.set()

    def open(self) -> "Endless":
        self.opened += 1
        return Endless(self)


class Endless:
    def __init__(self, driver: Driver) -> None:
        self.fault, self.steps, self._driver = "", 0, driver

    def read(self) -> int:
        if not self._driver.works.is_set():
            self._driver.hangs.release()
            assert self._driver.works.wait(20)
        self.steps += 1
        return self.steps

    def close(self) -> None:
        self._driver.closed += 1


def test_a_pause_closes_the_device_and_its_end_opens_it_again() -> None:
    obeyed, driver = run_control(threading.Event()), Driver()
    statuses: queue.Queue[str] = queue.Queue()
    sink = DropOldestQueue[int](1)
    reader = Reader("camera", driver.open, sink, statuses.put, blind_retry(), Clock(), obeyed)
    reader.start()
    assert statuses.get(timeout=5) == "ok"
    obeyed.running.clear()
    assert statuses.get(timeout=5) == "off"
    assert (driver.opened, driver.closed) == (1, 1)
    sink.take(0)
    assert sink.take(0.3) is None
    obeyed.running.set()
    assert statuses.get(timeout=5) == "ok"
    assert (driver.opened, driver.closed) == (2, 1)
    obeyed.stop.set()
    reader.join(5)


class Still:
    """A camera before a scene at rest: nothing new comes, and a pause ends the wait for it."""

    def __init__(self, paused: threading.Event) -> None:
        self.fault, self.steps, self._paused = "", 0, paused

    def read(self) -> int:
        assert self._paused.wait(20)
        raise Paused

    def close(self) -> None:
        self.steps = -1


def test_a_pause_that_cuts_a_read_short_is_no_end_of_a_file_however_brief() -> None:
    obeyed, paused, opened = run_control(threading.Event()), threading.Event(), queue.Queue[Still]()

    def opener() -> Still:
        camera = Still(paused)
        opened.put(camera)
        return camera

    sink, statuses = DropOldestQueue[int](1), list[str]()
    reader = Reader("camera", opener, sink, statuses.append, blind_retry(), Clock(), obeyed)
    reader.start()
    first = opened.get(timeout=5)
    paused.set()  # and over before the reader looks
    opened.get(timeout=5)
    assert first.steps == -1
    assert statuses == []
    obeyed.stop.set()
    reader.join(5)
    assert not reader.is_alive()


class Watched:
    """A device under a supervisor whose time the test passes."""

    def __init__(self) -> None:
        self.driver, self.obeyed = Driver(), run_control(threading.Event())
        self.readers: list[Reader[int]] = []
        self.statuses: queue.Queue[str] = queue.Queue()
        self.now_s = 0.0
        self.supervisor = Supervisor(self._new_reader, self.now_s)

    def _new_reader(self) -> Reader[int]:
        opener, report, sink = self.driver.open, self.statuses.put, DropOldestQueue[int](1)
        retry, clock = Retry(Backoff(shortest_s=0.01, longest_s=0.01), frozenset), Clock()
        self.readers.append(Reader("camera", opener, sink, report, retry, clock, self.obeyed))
        return self.readers[-1]

    def hang(self) -> None:
        self.driver.works.clear()
        assert self.driver.hangs.acquire(timeout=5)

    def check_for(self, seconds: float, step_s: float = SAMPLE_S) -> None:
        for _ in range(round(seconds / step_s)):
            self.now_s += step_s
            self.supervisor.check(self.now_s)

    def next_status(self) -> str:
        return self.statuses.get(timeout=5)


@pytest.fixture
def watched() -> Iterator[Watched]:
    watched = Watched()
    watched.supervisor.start()
    assert watched.next_status() == "ok"
    yield watched
    watched.obeyed.stop.set()
    watched.driver.works.set()
    for one in watched.readers:
        one.join(5)
        assert not one.is_alive()
    assert watched.driver.opened == watched.driver.closed


SILENT = "degraded: the camera does not answer; plug it in again"


def test_a_driver_that_hangs_is_reported_once_within_three_seconds(watched: Watched) -> None:
    watched.hang()
    watched.check_for(STALL_S - 0.5)
    assert watched.statuses.empty()
    watched.check_for(3.0 - (STALL_S - 0.5))
    assert watched.next_status() == SILENT
    watched.check_for(2.0)
    assert watched.statuses.empty()


def test_a_driver_that_comes_back_goes_on_being_read(watched: Watched) -> None:
    watched.hang()
    watched.check_for(3.0)
    watched.driver.works.set()
    assert [watched.next_status(), watched.next_status()] == [SILENT, "ok"]
    assert len(watched.readers) == 1


def test_a_thread_that_never_returns_is_replaced_and_reports_nothing_more(
    watched: Watched,
) -> None:
    watched.hang()
    watched.check_for(ABANDON_S + 0.5)
    assert watched.driver.hangs.acquire(timeout=5)
    assert (len(watched.readers), watched.driver.opened) == (2, 2)
    watched.driver.works.set()
    watched.readers[0].join(5)
    assert not watched.readers[0].is_alive()
    assert [watched.next_status(), watched.next_status()] == [SILENT, "ok"]
    assert watched.statuses.empty()


def test_no_more_threads_than_a_few_are_left_in_a_driver(watched: Watched) -> None:
    watched.hang()
    for _ in range(10):
        watched.check_for(ABANDON_S + 0.5)
    assert len(watched.readers) == 1 + MAX_ABANDONED


def test_a_process_that_stood_still_blames_no_device(watched: Watched) -> None:
    watched.hang()
    watched.check_for(60.0, step_s=30.0)
    assert watched.statuses.empty()


def test_a_pause_is_no_stall(watched: Watched) -> None:
    watched.obeyed.running.clear()
    assert watched.next_status() == "off"
    watched.check_for(60.0)
    assert watched.statuses.empty()
    assert len(watched.readers) == 1
