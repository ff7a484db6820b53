"""Gives back what PortAudio keeps of a microphone that was unplugged.

Its Pa_CloseStream closes nothing where the stream cannot be stopped first
(https://github.com/PortAudio/portaudio/issues/115), so each unplugging would leave a file and its
memory open, and the kernel could not let go of the device.
"""

import ctypes
import os
import re
from pathlib import Path

GONE = re.compile(r"^/dev/snd/\S+ \(deleted\)$")
"""The name of an open file or mapping whose device is no more."""
MAPPING = re.compile(r"^([0-9a-f]+)-([0-9a-f]+) \S+ \S+ \S+ \S+ +(.+)$", re.MULTILINE)


def close_gone_devices(process: Path = Path("/proc/self")) -> int:
    """Closes all that this process has of sound devices that are gone; gives how many files."""
    libc = ctypes.CDLL(None)
    for begin, end, name in MAPPING.findall((process / "maps").read_text(errors="replace")):
        if GONE.match(name):
            address, length = int(begin, 16), int(end, 16) - int(begin, 16)
            libc.munmap(ctypes.c_void_p(address), ctypes.c_size_t(length))
    gone = [link for link in (process / "fd").iterdir() if GONE.match(_target(link))]
    for link in gone:
        os.close(int(link.name))
    return len(gone)


def _target(link: Path) -> str:
    try:
        return str(link.readlink())
    except OSError:  # closed meanwhile, such as the listing's own
        return ""
