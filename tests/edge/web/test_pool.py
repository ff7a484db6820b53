"""The processes that read what others send."""

import asyncio
import logging
import os
import signal
import subprocess
import sys

import msgspec
import pytest

from benchmarks.harness.clips import HAPPY_CLIP
from edge.config import Camera, Config, Models
from edge.web.errors import Refusal
from edge.web.pool import Pool
from edge.web.process import Worker, worker_memory_bytes
from edge.web.settings import Limits
from edge.web.uploads import Budget


def test_a_fault_of_a_job_is_logged_with_its_place_and_the_process_stays(
    caplog: pytest.LogCaptureFixture,
) -> None:
    worker = Worker(Config(), Limits())
    try:
        with (
            caplog.at_level(logging.ERROR),
            pytest.raises(Refusal, match="the server's log has the place"),
        ):
            worker.call("no_such_job", {}, {}, 30, print)
        assert "no_such_job: AttributeError at worker.py:" in caplog.text
        pid = worker.pid
        answer = worker.call("text", {"text": "I am so happy!"}, {}, 30, print)
        assert b'"emotion":"happy"' in answer
        assert worker.pid == pid
    finally:
        worker.stop()
    assert worker.pid is None


def test_a_file_that_ends_its_reader_is_refused_and_the_next_is_read() -> None:
    worker = Worker(Config(), Limits())

    def overrun(share: object) -> None:
        assert worker.pid is not None
        os.kill(worker.pid, signal.SIGKILL)

    try:
        with HAPPY_CLIP.open("rb") as clip, pytest.raises(Refusal, match="ended the process"):
            worker.call("video", {}, {"video": clip.fileno()}, 60, overrun)
        assert b'"emotion":"happy"' in worker.call("text", {"text": "so happy!"}, {}, 60, print)
    finally:
        worker.stop()


def test_what_others_send_is_not_turned_as_the_camera_of_the_device_is() -> None:
    worker = Worker(Config(camera=Camera(rotate=180)), Limits())
    try:
        with HAPPY_CLIP.open("rb") as clip:
            found = worker.call("video", {}, {"video": clip.fileno()}, 60, lambda share: None)
        moments = msgspec.json.decode(found)["timeline"]
        tops = [one["face"]["box"]["top"] for one in moments if one["face"]]
        assert tops
        assert max(tops) < 130  # a picture of 360 pixels, in which turned ones lie lower
    finally:
        worker.stop()


@pytest.mark.parametrize(("whole_mb", "mb"), [(1000, 400), (8000, 800), (64000, 2000)])
def test_five_readers_share_half_of_the_memory_within_bounds(whole_mb: float, mb: int) -> None:
    assert worker_memory_bytes(5, whole_mb) == mb * 1_000_000


def test_a_reader_whose_memory_cannot_be_bounded_works_and_the_log_says_so() -> None:
    script = """
import logging, resource
from edge.config import Config
from edge.web.process import Worker
from edge.web.settings import Limits
logging.basicConfig(format="%(message)s")
resource.setrlimit(resource.RLIMIT_DATA, (390_000_000, 390_000_000))  # less than a reader takes
worker = Worker(Config(), Limits())
worker.call("text", {"text": "hello"}, {}, 60, print)
worker.stop()
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert "reads uploads has no memory limit of its own: not allowed to raise" in done.stderr


def test_a_page_that_sent_nothing_is_forgotten_without_starting_a_reader() -> None:
    pool = Pool(Config(), Limits())
    asyncio.run(pool.end_live("a"))
    assert pool.pids == []


def test_a_missing_model_is_a_fault_of_the_server(tmp_path: object) -> None:
    worker = Worker(Config(models=Models(folder=str(tmp_path))), Limits())
    try:
        with pytest.raises(Refusal, match=r"text\.json") as caught:
            worker.call("text", {"text": "hello"}, {}, 30, print)
        assert caught.value.status == 503
    finally:
        worker.stop()


def test_uploads_together_take_no_more_memory_than_they_may() -> None:
    budget = Budget(100)
    budget.take(60)
    with pytest.raises(Refusal, match="try again") as caught:
        budget.take(50)
    assert caught.value.status == 429
    budget.give_back(60)
    budget.take(100)
