"""The processes that read what others send."""

import logging

import pytest

from edge.config import Config, Models
from edge.web.errors import Refusal
from edge.web.pool import Worker
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
