"""When decoders of files are imported, and by which of two threads."""

import subprocess
import sys

from benchmarks.harness.clips import HAPPY_CLIP

BOTH_AT_ONCE = """
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from edge.capture.frames import open_pictures
from edge.capture.sounds import read_sound

ready, clip = Barrier(2), Path(sys.argv[1])

def see():
    ready.wait()
    open_pictures(clip).release()

def hear():
    ready.wait()
    read_sound(clip)

with ThreadPoolExecutor() as pool:
    for one in [pool.submit(see), pool.submit(hear)]:
        one.result()
"""


def test_picture_and_sound_of_a_clip_can_be_opened_at_once() -> None:
    # Without a lock, about one process of six failed.
    command = [sys.executable, "-c", BOTH_AT_ONCE, str(HAPPY_CLIP)]
    started = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(16)]
    failures = [errors for one in started for errors in [one.communicate()[1]] if one.returncode]
    assert failures == []


DAEMON_WITHOUT_FILES = """
import sys
import edge.service.lifecycle
print(*sorted({"av", "soundfile", "edge.capture.sounds"} & set(sys.modules)))
"""


def test_a_daemon_imports_no_decoders_of_files_before_it_reads_one() -> None:
    command = [sys.executable, "-c", DAEMON_WITHOUT_FILES]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "\n"
