"""The gaps of a track are those of its times, as far as these can be right."""

from types import SimpleNamespace

import pytest

from edge.capture.track_times import Gaps, zero_of


def gaps_of(
    *times_s: float | None, start_s: float = 0.0, length_s: float | None = None
) -> list[float]:
    """Returns the gaps before pieces of a second each."""
    duration = None if length_s is None else round(length_s * 1e6)
    gaps = Gaps(SimpleNamespace(start_time=round(start_s * 1e6), duration=duration))
    return [round(gaps.before(time_s, 1.0), 3) for time_s in times_s]


def test_a_gap_is_the_time_that_no_piece_fills() -> None:
    assert gaps_of(0.0, 1.0, 5.0, 6.0) == [0, 0, 3, 0]
    assert gaps_of(2.5, 3.5) == [2.5, 0]
    assert gaps_of(9.0, 10.0, start_s=8.5) == [0.5, 0]


def test_pieces_without_times_follow_each_other() -> None:
    assert gaps_of(None, None, 2.0, None, 9.0) == [0, 0, 0, 0, 5]


def test_times_that_are_a_little_off_add_up_to_a_gap_in_the_end() -> None:
    assert gaps_of(0.0, 1.04, 2.08, 3.12, 4.12) == [0, 0, 0, 0.12, 0]


@pytest.mark.parametrize("length_s", [None, 5.0])
def test_times_that_jump_back_or_beyond_the_end_of_the_file_make_no_gap(
    length_s: float | None,
) -> None:
    assert gaps_of(0.0, 4000.0, 4001.0, 2.0, 3.0, length_s=length_s) == [0] * 5
    assert gaps_of(5.0, 3.0, 4.0, start_s=5.0, length_s=length_s) == [0] * 3


def test_a_long_gap_within_the_length_of_the_file_is_one() -> None:
    assert gaps_of(0.0, 900.0, length_s=901.0) == [0, 899]
    assert gaps_of(0.0, 900.0) == [0, 0]


def test_a_track_of_a_file_without_a_start_starts_with_itself() -> None:
    assert zero_of(SimpleNamespace(start_time=None, duration=None), 7.0) == 7.0
