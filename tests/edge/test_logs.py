import json
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.logs import printable, set_level, start_log

LOGGER = logging.getLogger("edge.test")


@pytest.fixture(autouse=True)
def _own_handlers() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    root.handlers.clear()
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


def _logged(file: Path, form: str) -> str:
    with file.open("w") as stream:
        start_log(stream, form)
        LOGGER.debug("nothing")
        LOGGER.info("ready")
        LOGGER.warning("a camera named \x1b[31mred\nwith two lines")
    return file.read_text()


def test_lines_have_a_level_and_no_control_sequences(tmp_path: Path) -> None:
    assert _logged(tmp_path / "log", "auto").splitlines() == [
        "INFO edge.test: ready",
        "WARNING edge.test: a camera named ?[31mred",
        "with two lines",
    ]


def test_the_journal_gets_priorities(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "journal"
    file.touch()
    status = file.stat()
    monkeypatch.setenv("JOURNAL_STREAM", f"{status.st_dev}:{status.st_ino}")
    assert _logged(file, "auto").splitlines() == [
        "<6>INFO edge.test: ready",
        "<4>WARNING edge.test: a camera named ?[31mred",
        "<4>with two lines",
    ]
    assert "<4>" not in _logged(file, "plain") + _logged(tmp_path / "else", "auto")


def test_json_is_one_object_a_line(tmp_path: Path) -> None:
    lines = _logged(tmp_path / "log", "json").splitlines()
    second = json.loads(lines[1])
    assert (second["level"], second["logger"]) == ("warning", "edge.test")
    assert second["message"] == "a camera named \x1b[31mred\nwith two lines"
    assert len(lines) == 2


def test_the_level_is_the_lowest_that_is_logged(tmp_path: Path) -> None:
    with (tmp_path / "log").open("w") as stream:
        start_log(stream, "plain")
        set_level("warning")
        LOGGER.info("quiet")
        set_level("debug")
        LOGGER.debug("loud")
    assert (tmp_path / "log").read_text() == "DEBUG edge.test: loud\n"


def test_text_for_a_terminal_has_nothing_that_it_would_obey() -> None:
    assert printable("a\x1b]0;title\x07b\x9b\u202e") == "a?]0;title?b??"
