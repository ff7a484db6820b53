import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from edge.clock import utc
from edge.config import SpoolLimits
from edge.publish import store
from edge.publish.composer import Composer
from edge.publish.messages import Delivery
from edge.publish.outbox import Outbox, Topics
from edge.publish.session import Session
from edge.publish.spool import Spool
from edge.tracking.episodes import Change, State
from tests.support.clock import FakeClock

TOPICS = Topics("d/status", "online", "d/event", ())
BIRTH = ("d/status", "online")


class Wire(Session):
    """A session that remembers what it was given."""

    def __init__(self, receive_maximum: int = 100, max_packet_bytes: int = 10_000) -> None:
        object.__setattr__(self, "receive_maximum", receive_maximum)
        object.__setattr__(self, "max_packet_bytes", max_packet_bytes)
        object.__setattr__(self, "sent", [])

    sent: list[tuple[str, Any]]

    def publish(
        self,
        topic: str,
        payload: bytes | str,
        qos: int,
        retain: bool = False,
        expires_in_s: float | None = None,
    ) -> int:
        text = payload if isinstance(payload, str) else payload.decode()
        self.sent.append((topic, text))
        assert qos == 1
        assert retain == (topic != "d/event")
        assert (expires_in_s is None) == retain
        return len(self.sent)

    def events(self) -> list[tuple[int, bool]]:
        """The numbers of the events, and whether each was marked as replayed."""
        events = [json.loads(payload)["data"] for topic, payload in self.sent if topic == "d/event"]
        return [(one["number"], one["replayed"]) for one in events]


def _event(number: int) -> bytes:
    return json.dumps({"data": {"number": number, "replayed": False}}).encode()


def _outbox(clock: FakeClock, file: Path | None = None, replay_per_s: float = 10.0) -> Outbox:
    return Outbox(TOPICS, Spool(SpoolLimits(), file, clock), replay_per_s, clock)


def _replay(outbox: Outbox, clock: FakeClock, seconds: float) -> None:
    until_s = clock.moment_s + seconds
    while clock.moment_s < until_s:
        clock.moment_s += max(outbox.wait_s(0.2), 0.01)
        outbox.send()


def _converse(outbox: Outbox, clock: FakeClock, wire: Wire) -> None:
    """Lets the broker acknowledge each message before the next is sent."""
    for number in range(1, 20):
        outbox.acknowledge(number, "")
        _replay(outbox, clock, 0.3)
    assert len(wire.sent) < 20


def test_birth_then_what_is_retained_then_what_waited_then_what_is_new() -> None:
    clock = FakeClock()
    outbox, wire = _outbox(clock), Wire()
    outbox.put("d/state", b"old", Delivery.RETAINED)
    outbox.put("d/info", b"info", Delivery.RETAINED)
    outbox.put("d/state", b"newest", Delivery.RETAINED)
    outbox.put("d/event", _event(0), Delivery.EVENT)
    outbox.put("d/event", _event(1), Delivery.EVENT)
    outbox.start_session(wire)
    outbox.put("d/event", _event(2), Delivery.EVENT)
    outbox.send()
    _replay(outbox, clock, 1.0)
    assert wire.sent[:3] == [BIRTH, ("d/state", "newest"), ("d/info", "info")]
    assert wire.events() == [(0, True), (1, True), (2, False)]


def test_replaying_is_as_fast_as_allowed_and_no_faster() -> None:
    clock = FakeClock()
    outbox, wire = _outbox(clock, replay_per_s=100.0), Wire(receive_maximum=1000)
    for number in range(500):
        outbox.put("d/event", _event(number), Delivery.EVENT)
    outbox.start_session(wire)
    for _ in range(200):
        clock.moment_s += max(outbox.wait_s(0.2), 0.001)
        outbox.send()
        for message in range(1, len(wire.sent) + 1):
            outbox.acknowledge(message, "")
    took_s = clock.moment_s - 100.0
    assert len(wire.events()) == pytest.approx(100 * took_s, rel=0.1)


def test_events_of_an_earlier_run_are_marked_as_replayed(tmp_path: Path) -> None:
    clock = FakeClock()
    before = Spool(SpoolLimits(), tmp_path / "spool", clock)
    before.add(_event(0))
    before.close()
    outbox, wire = _outbox(clock, tmp_path / "spool"), Wire()
    outbox.start_session(wire)
    outbox.put("d/event", _event(1), Delivery.EVENT)
    outbox.send()
    _replay(outbox, clock, 0.5)
    assert wire.events() == [(0, True), (1, False)]


def test_what_is_no_event_is_given_up_and_the_others_go_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    clock = FakeClock()
    outbox, wire = _outbox(clock), Wire()
    deep = b'{"data":' * 5000 + b"1" + b"}" * 5000
    odd = (b"\xff", b"[1]", b"{}", b"null", b'{"data":{"a":"\xff"}}', b'{"data":"a"}', deep)
    for payload in (*odd, _event(3)):
        outbox.put("d/event", payload, Delivery.EVENT)
    outbox.start_session(wire)
    _replay(outbox, clock, 1.0)
    assert wire.events() == [(3, True)]
    assert outbox.delivery.dropped == len(odd)
    assert "the spool is damaged" in caplog.text


def test_no_more_is_on_its_way_than_the_broker_takes() -> None:
    clock = FakeClock()
    outbox, wire = _outbox(clock), Wire(receive_maximum=3)
    outbox.start_session(wire)
    for number in range(5):
        outbox.put("d/event", _event(number), Delivery.EVENT)
    outbox.send()
    assert len(wire.sent) == 3
    outbox.acknowledge(1, "")
    outbox.send()
    assert wire.events() == [(0, False), (1, False), (2, False)]


def test_waiting_for_an_answer_does_not_keep_the_processor_busy() -> None:
    clock = FakeClock()
    outbox, wire = _outbox(clock), Wire(receive_maximum=3)
    outbox.start_session(wire)
    for number in range(5):
        outbox.put("d/event", _event(number), Delivery.EVENT)
        outbox.send()
        assert outbox.wait_s(1.0) == (1.0 if number < 2 else 0.005)


def test_what_a_lost_session_left_is_sent_again_first() -> None:
    clock = FakeClock()
    outbox, first, second = _outbox(clock), Wire(), Wire()
    outbox.start_session(first)
    for number in range(3):
        outbox.put("d/event", _event(number), Delivery.EVENT)
    outbox.send()
    outbox.acknowledge(2, "")
    outbox.end_session()
    outbox.put("d/event", _event(3), Delivery.EVENT)
    outbox.start_session(second)
    _converse(outbox, clock, second)
    assert second.events() == [(1, True), (2, True), (3, True)]
    assert outbox.delivery.reconnects == 1


def test_a_refused_event_is_offered_again_after_a_minute(
    caplog: pytest.LogCaptureFixture,
) -> None:
    clock = FakeClock()
    outbox, wire = _outbox(clock), Wire()
    outbox.start_session(wire)
    outbox.put("d/event", _event(0), Delivery.EVENT)
    outbox.send()
    outbox.acknowledge(2, "Not authorized")
    assert "refuses messages on d/event (Not authorized)" in caplog.text
    _replay(outbox, clock, 59.0)
    assert wire.events() == [(0, False)]
    _replay(outbox, clock, 2.0)
    assert wire.events() == [(0, False)] * 2


def test_a_refused_state_holds_no_event_back() -> None:
    clock = FakeClock()
    outbox, wire = _outbox(clock), Wire()
    outbox.start_session(wire)
    outbox.put("d/state", b"1", Delivery.RETAINED)
    outbox.send()
    outbox.acknowledge(2, "Not authorized")
    outbox.put("d/event", _event(0), Delivery.EVENT)
    outbox.send()
    assert wire.events() == [(0, False)]


def test_a_message_longer_than_the_broker_accepts_is_logged_and_left_out(
    caplog: pytest.LogCaptureFixture,
) -> None:
    clock = FakeClock()
    outbox, wire = _outbox(clock), Wire(max_packet_bytes=200)
    outbox.start_session(wire)
    outbox.put("d/long", b"x" * 300, Delivery.RETAINED)
    outbox.put("d/event", b"x" * 300, Delivery.EVENT)
    outbox.put("d/event", _event(1), Delivery.EVENT)
    outbox.send()
    assert wire.sent[1:] == [("d/event", _event(1).decode())]
    assert outbox.delivery.dropped == 1
    assert "d/long: 300 bytes are more than the broker accepts" in caplog.text


def _lose_sessions(outbox: Outbox, clock: FakeClock, longest: int) -> list[Wire]:
    """Holds sessions that the broker ends at a message longer than that, until one lasts."""
    wires = []
    for _ in range(10):
        wires.append(wire := Wire())
        outbox.start_session(wire)
        for _ in range(20):
            outbox.send()
            if any(len(payload) > longest for _, payload in wire.sent):
                outbox.end_session("Unspecified error")
                break
            for number in range(1, len(wire.sent) + 1):
                outbox.acknowledge(number, "")
            clock.moment_s += 0.1
        else:
            return wires
    raise AssertionError("no session lasted")


def test_a_message_over_which_sessions_end_is_left_out_and_the_others_arrive(
    caplog: pytest.LogCaptureFixture,
) -> None:
    clock = FakeClock()
    outbox = _outbox(clock)
    outbox.put("d/long", b"x" * 300, Delivery.RETAINED)
    outbox.put("d/state", b"state", Delivery.RETAINED)
    for number in range(3):
        outbox.put("d/event", _event(number), Delivery.EVENT)
    wires = _lose_sessions(outbox, clock, longest=200)
    assert len(wires) == 5  # all together, three times alone, and one that lasts
    assert ("d/state", "state") in wires[-1].sent
    assert wires[-1].events() == [(number, True) for number in range(3)]
    assert "does not take a message of 300 bytes on d/long (Unspecified error)" in caplog.text
    outbox.end_session()
    later = Wire()
    outbox.start_session(later)
    outbox.send()
    assert ("d/long", "x" * 300) not in later.sent
    clock.moment_s += 86_401
    outbox.put("d/long", b"x" * 300, Delivery.RETAINED)
    outbox.send()
    assert ("d/long", "x" * 300) in later.sent


def test_a_broker_that_names_the_long_message_ends_one_session_over_it() -> None:
    clock = FakeClock()
    outbox, first, second = _outbox(clock), Wire(), Wire()
    outbox.start_session(first)
    outbox.put("d/event", _event(0), Delivery.EVENT)
    outbox.put("d/event", b"x" * 300, Delivery.EVENT)
    outbox.send()
    outbox.end_session("Packet too large")
    outbox.start_session(second)
    _converse(outbox, clock, second)
    assert second.events() == [(0, True)]
    assert (outbox.delivery.dropped, outbox.delivery.waiting) == (1, 0)


def test_a_broker_that_dies_without_an_answer_costs_no_event() -> None:
    clock = FakeClock()
    outbox, wire = _outbox(clock), Wire()
    outbox.put("d/event", _event(0), Delivery.EVENT)
    for _ in range(10):
        outbox.start_session(Wire())
        outbox.send()
        outbox.end_session("Unspecified error")
    outbox.start_session(wire)
    _converse(outbox, clock, wire)
    assert wire.events() == [(0, True)]


def test_a_retained_message_whose_sending_fails_is_sent_again_later() -> None:
    class Failing(Wire):
        def publish(self, topic: str, *arguments: Any, **options: Any) -> int:
            if topic == "d/bad" and not self.sent[1:]:
                self.sent.append(("failed", ""))
                raise RuntimeError
            return super().publish(topic, *arguments, **options)

    clock = FakeClock()
    outbox, wire = _outbox(clock), Failing()
    outbox.start_session(wire)
    outbox.put("d/bad", b"1", Delivery.RETAINED)
    outbox.put("d/state", b"2", Delivery.RETAINED)
    with pytest.raises(RuntimeError):
        outbox.send()
    outbox.give_up("RuntimeError")
    outbox.send()
    assert wire.sent[2:] == [("d/state", "2")]
    clock.moment_s += 61
    outbox.send()
    assert wire.sent[3:] == [("d/bad", "1")]


def _timed(clock: FakeClock, number: int) -> bytes:
    state = State("unknown", None, 0, 0, clock.moment_s)
    event = Composer("d", clock).event(Change(str(number), 0, "start", state, clock.moment_s))
    return msgspec.json.encode(event)


NOW_S = 1_800_000_000.0


def _sent_times(wire: Wire) -> list[tuple[str, str | None]]:
    events = [json.loads(payload) for topic, payload in wire.sent if topic == "d/event"]
    return [(one["time"], one.get("clock")) for one in events]


@pytest.mark.parametrize("restarts", [False, True])
def test_events_from_before_the_clock_was_set_get_their_time(
    tmp_path: Path, restarts: bool
) -> None:
    clock = FakeClock()
    clock.ahead_s = -100.0  # a board without a battery, at boot
    outbox, wire = _outbox(clock, tmp_path / "spool"), Wire()
    outbox.put("d/event", _timed(clock, 0), Delivery.EVENT)
    clock.moment_s += 30
    outbox.put("d/event", _timed(clock, 1), Delivery.EVENT)
    if restarts:
        outbox._spool.close()
        outbox = _outbox(clock, tmp_path / "spool")
    clock.moment_s += 70
    clock.ahead_s = NOW_S - clock.moment_s
    outbox.start_session(wire)
    _replay(outbox, clock, 1.0)
    assert _sent_times(wire) == [(utc(NOW_S - 100), None), (utc(NOW_S - 70), None)]


def test_what_was_never_set_is_marked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = FakeClock()
    clock.ahead_s = -100.0
    outbox, wire = _outbox(clock, tmp_path / "spool"), Wire()
    outbox.put("d/event", _timed(clock, 0), Delivery.EVENT)
    outbox._spool.close()
    monkeypatch.setattr(store, "BOOT_ID", tmp_path / "another boot")
    clock.ahead_s = NOW_S - clock.moment_s
    outbox = _outbox(clock, tmp_path / "spool")
    outbox.start_session(wire)
    _replay(outbox, clock, 1.0)
    assert _sent_times(wire) == [(utc(0.0), "unsynced")]


def test_a_time_set_before_a_power_failure_is_kept_on_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = FakeClock()
    clock.ahead_s = -100.0
    outbox, wire = _outbox(clock, tmp_path / "spool"), Wire()
    outbox.put("d/event", _timed(clock, 0), Delivery.EVENT)
    clock.moment_s += 50
    clock.ahead_s = NOW_S - clock.moment_s
    outbox._spool.close()
    monkeypatch.setattr(store, "BOOT_ID", tmp_path / "another boot")
    outbox = _outbox(clock, tmp_path / "spool")
    outbox.start_session(wire)
    _replay(outbox, clock, 1.0)
    assert _sent_times(wire) == [(utc(NOW_S - 50), None)]
