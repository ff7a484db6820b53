"""What the operating system says of a process."""

from pathlib import Path

from edge.errors import EmotiondError


def _status_kb(pid: int, field: str) -> int:
    try:
        lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
    except OSError as error:
        raise EmotiondError(f"there is no process {pid} ({error.strerror})") from error
    values = {name: value for name, _, value in (line.partition(":") for line in lines)}
    return int(values[field].split()[0])


def peak_rss_mb(pid: int) -> float:
    """The most resident memory that a process has had, in 10^6 bytes."""
    return _status_kb(pid, "VmHWM") * 1024 / 1e6


def rss_mb(pid: int) -> float:
    """The resident memory of a process now, in 10^6 bytes."""
    return _status_kb(pid, "VmRSS") * 1024 / 1e6
