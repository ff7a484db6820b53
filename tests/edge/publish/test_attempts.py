import pytest

from edge.config import Mqtt
from edge.publish.attempts import Address, Attempts, Outcome, addresses

A, B = Address("a", 1883), Address("b", 1884)


def _round(attempts: Attempts, outcomes: dict[tuple[Address, bool], Outcome]) -> list[object]:
    """Returns what a round tries, up to a session."""
    tried: list[object] = []
    for address, mqtt5 in attempts:
        tried.append((address.host, 5 if mqtt5 else 3))
        outcome = outcomes.get((address, mqtt5), Outcome.UNREACHABLE)
        attempts.note(address, mqtt5, outcome)
        if outcome is Outcome.LOST:
            break
    return tried


def test_a_broker_that_refuses_mqtt_5_is_asked_for_it_once() -> None:
    attempts = Attempts(Mqtt(host="a"))
    old = {(A, True): Outcome.OLDER, (A, False): Outcome.LOST}
    assert _round(attempts, old) == [("a", 5), ("a", 3)]
    assert _round(attempts, old) == [("a", 3)]


def test_a_broker_that_does_not_answer_to_mqtt_5_is_asked_for_it_twice() -> None:
    attempts = Attempts(Mqtt(host="a"))
    old = {(A, True): Outcome.UNANSWERED, (A, False): Outcome.LOST}
    rounds = [_round(attempts, old) for _ in range(3)]
    assert rounds == [[("a", 5), ("a", 3)], [("a", 5), ("a", 3)], [("a", 3)]]


def test_a_broker_that_once_spoke_mqtt_5_is_not_asked_for_less() -> None:
    attempts = Attempts(Mqtt(host="a"))
    assert _round(attempts, {(A, True): Outcome.LOST}) == [("a", 5)]
    silent = {(A, True): Outcome.UNANSWERED}
    assert _round(attempts, silent) == [("a", 5)]


def test_one_that_cannot_be_reached_is_tried_once_in_a_round() -> None:
    assert _round(Attempts(Mqtt(host="a")), {}) == [("a", 5)]
    assert _round(Attempts(Mqtt(host="a", protocol="3.1.1")), {}) == [("a", 3)]


def test_brokers_are_tried_in_turn_and_the_one_that_worked_comes_first() -> None:
    attempts = Attempts(Mqtt(host="a", hosts=("b:1884",)))
    assert _round(attempts, {(B, True): Outcome.LOST}) == [("a", 5), ("b", 5)]
    assert _round(attempts, {}) == [("b", 5), ("a", 5)]


@pytest.mark.parametrize(
    ("named", "address"),
    [
        ("b", Address("b", 8883)),
        ("b.example.org:1884", Address("b.example.org", 1884)),
        ("[fe80::1]:1884", Address("fe80::1", 1884)),
        ("[fe80::1]", Address("fe80::1", 8883)),
        ("192.168.0.7", Address("192.168.0.7", 8883)),
    ],
)
def test_a_broker_is_named_with_or_without_its_port(named: str, address: Address) -> None:
    assert addresses(Mqtt(host="a", port=8883, hosts=(named,)))[1:] == [address]
