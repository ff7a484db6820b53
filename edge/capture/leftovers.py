"""Gives back what PortAudio keeps of a microphone that was unplugged.

Its Pa_CloseStream closes nothing where the stream cannot be stopped first, so each unplugging would
leave a file and its memory open, and the kernel could not let go of the device.
"""

import ctypes
import os
import re
from pathlib import Path

SOUND_DEVICES = Path("/dev/snd")
PROCESS = Path("/proc/self")
GONE = " (deleted)"
"""What the kernel adds to the name of an open file or mapping whose device is no more."""
MAPPING = re.compile(r"^([0-9a-f]+)-([0-9a-f]+) \S+ \S+ \S+ \S+ +(.+)$", re.MULTILINE)


def close_gone_devices(folder: Path = SOUND_DEVICES) -> None:
    """Closes all that this process has open or mapped of devices in a folder that are gone."""
    libc = ctypes.CDLL(None)
    for begin, end, name in MAPPING.findall((PROCESS / "maps").read_text(errors="replace")):
        if _is_gone(name, folder):
            address, length = int(begin, 16), int(end, 16) - int(begin, 16)
            libc.munmap(ctypes.c_void_p(address), ctypes.c_size_t(length))
    for link in list((PROCESS / "fd").iterdir()):
        if _is_gone(_target(link), folder):
            os.close(int(link.name))


def _is_gone(name: str, folder: Path) -> bool:
    return name.startswith(f"{folder}/") and name.endswith(GONE)


def _target(link: Path) -> str:
    try:
        return str(link.readlink())
    except OSError:  # closed meanwhile, as the listing's own is
        return ""
