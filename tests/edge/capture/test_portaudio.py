import ctypes
import mmap
import os
from pathlib import Path

from edge.capture.portaudio import close_deleted_devices


def _open_and_map(path: Path) -> int:
    """Opens and maps a file, like a library that never closes it."""
    path.write_bytes(bytes(mmap.PAGESIZE))
    handle = os.open(path, os.O_RDONLY)
    libc = ctypes.CDLL(None)
    libc.mmap.restype = ctypes.c_void_p
    length = ctypes.c_size_t(mmap.PAGESIZE)
    libc.mmap(None, length, mmap.PROT_READ, mmap.MAP_SHARED, handle, ctypes.c_long(0))
    return handle


def _held(path: Path) -> tuple[bool, bool]:
    """Returns whether a file is open and whether it is mapped."""
    links = [link for link in Path("/proc/self/fd").iterdir() if link.is_symlink()]
    is_open = any(str(link.readlink()).startswith(str(path)) for link in links)
    return is_open, str(path) in Path("/proc/self/maps").read_text(encoding="utf-8")


def test_what_is_left_open_of_a_device_that_is_gone_is_closed_and_nothing_else(
    tmp_path: Path,
) -> None:
    devices = tmp_path / "snd"
    devices.mkdir()
    gone, present, elsewhere = devices / "gone", devices / "present", tmp_path / "elsewhere"
    handles = [_open_and_map(path) for path in (gone, present, elsewhere)]
    gone.unlink()
    elsewhere.unlink()
    assert _held(gone) == (True, True)
    close_deleted_devices(devices)
    assert _held(gone) == (False, False)
    assert _held(present) == _held(elsewhere) == (True, True)
    for handle in handles[1:]:
        os.close(handle)
