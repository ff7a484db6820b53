import os
from pathlib import Path

import pytest

from edge.stderr import silenced_stderr


def test_what_libraries_write_to_stderr_is_kept_back_and_comes_again_afterwards(
    capfd: pytest.CaptureFixture[str],
) -> None:
    journal = os.dup(2)
    os.write(2, b"before\n")
    with silenced_stderr():
        os.write(2, b"Unknown PCM cards.pcm.front\n")
        with silenced_stderr():
            os.write(2, b"jack server is not running\n")
        os.write(2, b"Unknown PCM cards.pcm.rear\n")
        os.write(journal, b"our own log\n")
    os.write(2, b"after\n")
    os.close(journal)
    assert capfd.readouterr().err == "before\nour own log\nafter\n"


def test_an_error_ends_the_quiet_and_no_handle_is_left(capfd: pytest.CaptureFixture[str]) -> None:
    handles = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(3):
        with pytest.raises(OSError, match="busy"), silenced_stderr():
            raise OSError("busy")
    os.write(2, b"heard\n")
    assert capfd.readouterr().err == "heard\n"
    assert len(list(Path("/proc/self/fd").iterdir())) == handles
