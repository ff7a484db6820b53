"""The real PyAudio and ALSA, with a microphone that ALSA plays from a file."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks.harness.clips import HAPPY_CLIP
from edge.capture.media import read_sound
from tests.support.alsa import ALSA_CONF

READ_A_SECOND = """
import sys
import numpy as np
from edge.capture.control import RunControl
from edge.capture.microphone import open_microphone
from edge.capture.portaudio import BLOCK_S
from edge.clock import Clock
from edge.config import Microphone
microphone = open_microphone(Microphone(source=sys.argv[1]), Clock(), RunControl())
blocks = [microphone.read() for _ in range(round(1 / BLOCK_S))]
microphone.close()
np.concatenate([block.samples for block in blocks]).tofile(sys.argv[2])
"""


def _read_a_second(folder: Path, source: str) -> "subprocess.CompletedProcess[str]":
    """Runs in its own process, because ALSA reads its configuration only once."""
    read_sound(HAPPY_CLIP).tofile(folder / "clip.raw")
    config = folder / "asound.conf"
    config.write_text(
        f"<{ALSA_CONF}>\n"
        "pcm.kiosk_microphone {\n"
        "  type file\n  slave.pcm { type null }\n  file /dev/null\n"
        f"  infile {folder / 'clip.raw'}\n  format raw\n"
        '  hint { show on description "from a file" }\n'
        "}\n"
    )
    command = [sys.executable, "-c", READ_A_SECOND, source, str(folder / "heard.raw")]
    environment = os.environ | {"ALSA_CONFIG_PATH": str(config)}
    return subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=30, check=False
    )


@pytest.mark.skipif(not ALSA_CONF.exists(), reason="ALSA is not configured on this machine")
def test_a_microphone_is_chosen_by_part_of_its_name_and_heard(tmp_path: Path) -> None:
    done = _read_a_second(tmp_path, "Kiosk")
    assert done.returncode == 0, done.stderr
    heard = np.fromfile(tmp_path / "heard.raw", np.int16)
    assert np.array_equal(heard, read_sound(HAPPY_CLIP)[:16000])


@pytest.mark.skipif(not ALSA_CONF.exists(), reason="ALSA is not configured on this machine")
def test_an_unknown_name_is_refused_with_the_known_names(tmp_path: Path) -> None:
    done = _read_a_second(tmp_path, "lobby")
    assert "microphone 'lobby' not found; microphone.source can name: 'kiosk_" in done.stderr
