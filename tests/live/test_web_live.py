"""The WebSocket of a live page."""

import json
import os
import socket
import struct
from collections.abc import Iterator
from typing import Any

import cv2
import numpy as np
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect
from websockets.sync.connection import Connection

from benchmarks.harness.clips import HAPPY_CLIP
from edge.capture.media import read_frames, read_sound
from edge.web.settings import Limits
from tests.support.waiting import wait_until
from tests.support.web import Site, site

FRAME, SOUND = 1, 2


@pytest.fixture(scope="module")
def web() -> Iterator[Site]:
    with site(Limits(live=1, stall_s=5)) as running:
        yield running


def join(web: Site) -> Connection:
    return connect(f"ws://localhost:{web.port}/api/live")


def message(kind: int, captured_s: float, content: bytes) -> bytes:
    return struct.pack("<Bd", kind, captured_s) + content


def answer(page: Connection) -> Any:
    return json.loads(page.recv(60))


def closed(page: Connection) -> tuple[str, int]:
    """Returns the reason that the server gives, and its code."""
    reason = str(answer(page)["closed"])
    with pytest.raises(ConnectionClosed) as caught:
        page.recv(10)
    assert caught.value.rcvd is not None
    return reason, caught.value.rcvd.code


def test_pictures_sound_and_text_of_a_page_are_followed_as_one_person(web: Site) -> None:
    sound = read_sound(HAPPY_CLIP)
    with join(web) as page:
        _, *frames = read_frames(HAPPY_CLIP, 15.0)
        for frame in frames:
            end = round(frame.captured_s * 16_000)
            block = sound[max(end - 1067, 0) : end].tobytes()
            page.send(message(SOUND, frame.captured_s, block))
            assert answer(page)["kind"] == "sound"
            jpeg = cv2.imencode(".jpg", frame.pixels)[1].tobytes()
            page.send(message(FRAME, frame.captured_s, jpeg))
            seen = answer(page)
        page.send(json.dumps({"text": "I am so happy!", "captured_s": 1.9}))
        read = answer(page)
        assert (seen["kind"], seen["answer"]["faces"]) == ("frame", 1)
        assert seen["answer"]["observations"][0]["box"]["left"] > 0
        assert (read["kind"], read["answer"]["observations"][0]["emotion"]) == ("text", "happy")
        fused = read["answer"]["fused"]
        assert fused["emotion"] == "happy"
        assert {"face", "text"} <= set(fused["contributions"])
    wait_until(lambda: web.server.live == 0)


def test_an_unreadable_picture_is_answered_and_the_page_stays(web: Site) -> None:
    with join(web) as page:
        page.send(message(FRAME, 1.0, b"rubbish"))
        assert "not a readable picture" in answer(page)["answer"]["error"]
        page.send(json.dumps({"text": "hello", "captured_s": 1.1}))
        assert answer(page)["kind"] == "text"


def test_a_picture_that_is_too_large_is_refused_before_it_is_decoded(web: Site) -> None:
    large = cv2.imencode(".jpg", np.zeros((6000, 6000, 3), np.uint8))[1].tobytes()
    with join(web) as page:
        page.send(message(FRAME, 1.0, large))
        reason = "this picture: 6000x6000 pixels are more than this server allows; make it smaller"
        assert answer(page)["answer"]["error"] == reason


@pytest.mark.parametrize(
    ("sent", "reason"),
    [
        (b"", "a message is a kind"),
        (b"\x07" * 40, "a message is a kind"),
        (message(FRAME, float("nan"), b"x"), "a message is a kind"),
        ("hello", "not a text of a live page"),
        ('{"text": "a", "captured_s": "b"}', "not a text of a live page"),
        (json.dumps({"text": "a" * 100_000, "captured_s": 1}), "not a text of a live page"),
        ("[" * 100_000, "not a text of a live page"),
    ],
)
def test_rubbish_ends_the_page_with_a_reason(web: Site, sent: str | bytes, reason: str) -> None:
    with join(web) as page:
        page.send(sent)
        given, code = closed(page)
    assert (given.startswith(reason), code) == (True, 1008), given
    wait_until(lambda: web.server.live == 0)


def test_a_picture_that_a_busy_page_sends_late_is_read(web: Site) -> None:
    frame = next(iter(read_frames(HAPPY_CLIP, 15.0)))
    jpeg = cv2.imencode(".jpg", frame.pixels)[1].tobytes()
    with join(web) as page:
        page.send(message(SOUND, 10.0, bytes(3200)))
        answer(page)
        page.send(message(FRAME, 5.0, jpeg))
        assert answer(page)["answer"]["faces"] == 1
        page.send(message(SOUND, 100.0, bytes(3200)))
        answer(page)
        page.send(message(FRAME, 6.0, jpeg))
        assert answer(page)["answer"]["captured_s"] == 85
        page.send(message(SOUND, 98.0, bytes(3200)))
        assert closed(page) == ("the time of capture goes back", 1008)


def test_a_page_whose_clock_goes_back_is_ended(web: Site) -> None:
    with join(web) as page:
        page.send(json.dumps({"text": "a", "captured_s": 100.0}))
        answer(page)
        page.send(json.dumps({"text": "a", "captured_s": 10.0}))
        assert closed(page) == ("the time of capture goes back", 1008)


def test_a_second_page_is_told_to_come_back_while_all_places_are_taken(web: Site) -> None:
    with join(web) as first, join(web) as second:
        assert closed(second) == ("1 pages are live already; try again later", 1013)
        first.send(json.dumps({"text": "a", "captured_s": 1.0}))
        assert answer(first)["kind"] == "text"


def test_a_page_that_vanishes_in_a_frame_frees_its_place(web: Site) -> None:
    page = join(web)
    wait_until(lambda: web.server.live == 1)
    page.socket.sendall(b"\x82\xfe\xff")  # the start of a frame
    page.socket.shutdown(socket.SHUT_RDWR)
    wait_until(lambda: web.server.live == 0)


def test_a_page_that_stalls_is_ended() -> None:
    with site(Limits(stall_s=0.2)) as web, join(web) as page:
        assert closed(page) == ("nothing arrived for 0.2 s", 4008)


def test_a_page_survives_the_end_of_the_process_that_reads(web: Site) -> None:
    with join(web) as page:
        page.send(json.dumps({"text": "a", "captured_s": 1.0}))
        answer(page)
        for pid in web.server.pool.pids:
            os.kill(pid, 9)
        page.send(json.dumps({"text": "a", "captured_s": 2.0}))
        interrupted = answer(page)["answer"]  # unless it was replaced before
        assert "ended the process" in interrupted.get("error", "ended the process")
        page.send(json.dumps({"text": "I am so happy!", "captured_s": 3.0}))
        assert answer(page)["answer"]["observations"][0]["emotion"] == "happy"
