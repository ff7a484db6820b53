import subprocess
import sys
from pathlib import Path

import pytest

from edge.errors import ConfigError
from edge.state_lock import StateLocks


def test_a_folder_belongs_to_one_process_until_it_ends(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from edge.state_lock import StateLocks; "
        f"locks = StateLocks(); locks.take(Path({str(tmp_path)!r})); print(flush=True); input()"
    )
    command = [sys.executable, "-c", program]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        other.stdout.readline()
        with pytest.raises(ConfigError, match="is in use by another emotiond; give each its own"):
            StateLocks().take(tmp_path)
        other.kill()
    locks = StateLocks()
    locks.take(tmp_path)
    locks.take(tmp_path)  # as after a reload


def test_a_folder_that_cannot_be_written_needs_no_lock(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    StateLocks().take(tmp_path / "file")
