"""`benchmarks.soak` reports runs of any length, and notices an event that is missing."""

import json

import pytest

from benchmarks.soak import Episodes, Every, Reading, report


def _readings(count: int) -> list[Reading]:
    return [Reading(10.0 * index, 100.0 + index, 11, 16) for index in range(count)]


def test_a_short_run_is_reported_without_a_growth(capsys: pytest.CaptureFixture[str]) -> None:
    report(_readings(3), 5.0)
    assert "too short for a growth: 2 readings" in capsys.readouterr().out


def test_growth_is_that_of_the_time_after_settling(capsys: pytest.CaptureFixture[str]) -> None:
    report(_readings(20), 100.0)
    assert "growth after 2 minutes: +8.00 MB" in capsys.readouterr().out


def test_an_event_that_is_missing_or_late_is_noticed() -> None:
    def messages(*numbers: int) -> list[tuple[str, str]]:
        events = [{"id": "a", "data": {"sequence": number}} for number in numbers]
        return [("emotion/bench/event", json.dumps(event)) for event in events]

    episodes = Episodes()
    episodes.add([("emotion/bench/status", "online"), *messages(0, 1, 1)])
    assert (episodes.events, episodes.lost, episodes.in_order) == (2, 0, True)
    episodes.add(messages(3))
    assert (episodes.lost, episodes.in_order) == (1, True)
    episodes.add(messages(2))
    assert (episodes.lost, episodes.in_order) == (0, False)


def test_what_is_never_due_is_not_counted() -> None:
    assert not Every(0).is_due(1000.0)
    every = Every(30)
    assert [every.is_due(at_s) for at_s in (20.0, 30.0, 40.0, 60.0)] == [False, True, False, True]
    assert every.count == 2
