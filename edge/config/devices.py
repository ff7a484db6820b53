"""The sections about what is captured: `camera`, `microphone` and `files`."""

from typing import Annotated, Literal

from msgspec import Meta

from edge.section import Section, Share

WHOLE = (0.0, 0.0, 1.0, 1.0)


class Camera(Section, frozen=True):
    """The source of pictures."""

    enabled: bool = True
    source: Annotated[int, Meta(ge=0, le=255)] | str = ""
    """Part of a device's name, empty for the first camera; its number or path; or a video file, or
    an http:// or rtsp:// URL, in which `${NAME}` is a variable of the environment."""
    username: str = ""
    """For a URL; in the URL itself, name and password are in clear text."""
    password_file: str = ""
    """Path of a file that holds only the password for a URL."""
    width_px: Annotated[int, Meta(gt=0, le=7680)] = 640
    height_px: Annotated[int, Meta(gt=0, le=4320)] = 480
    fps: Annotated[float, Meta(gt=0, le=120)] = 15.0
    format: Literal["", "mjpg", "yuyv"] = ""
    """Of a USB camera's pictures; compressed ones let two cameras share a bus."""
    rotate: Literal[0, 90, 180, 270] = 0
    """Degrees clockwise by which pictures are turned before anything looks at them."""
    mirror: bool = False
    """Swaps left and right, after turning."""
    region: tuple[Share, Share, Share, Share] = WHOLE
    """Left, top, right and bottom of the part that is looked at, shares of the turned picture."""
    loop: bool = False

    def __post_init__(self) -> None:
        """Raises ValueError, which msgspec reports with the place in the file."""
        left, top, right, bottom = self.region
        if left >= right or top >= bottom:
            raise ValueError("region is left, top, right and bottom, and must not be empty")
        if _is_schemeless(str(self.source)):
            raise ValueError("source looks like an address, which starts with rtsp:// or http://")
        if (self.username or self.password_file) and "://" not in str(self.source):
            raise ValueError("username and password_file need an address as source")


class Microphone(Section, frozen=True):
    """The source of sound."""

    enabled: bool = True
    source: str = ""
    """Part of a device's name, empty for the system's default, or the path of a sound file."""
    channel: Annotated[int, Meta(ge=0, lt=64)] | Literal["mix"] = "mix"
    """The number of one channel, the first is 0; or `mix` for all of them."""
    gain: Annotated[float, Meta(gt=0, le=1000)] = 1.0
    """Factor of every sample, for a microphone that is too faint."""
    loop: bool = False

    def __post_init__(self) -> None:
        """Raises ValueError, which msgspec reports with the place in the file."""
        if "://" in self.source or _is_schemeless(self.source):
            raise ValueError("source cannot be an address; name a microphone or a sound file")


def _is_schemeless(source: str) -> bool:
    """Returns whether a source is an address that lacks its start, and not the path of a file."""
    start = source.partition("://")[0]
    is_path = source.startswith((".", "/")) and not source.startswith("//")
    return "@" in (start if "://" in source else source) and not is_path


class Files(Section, frozen=True):
    """Limits on files, so that none takes the memory of the device."""

    max_picture_mpx: Annotated[float, Meta(gt=0, le=1000)] = 50.0
    max_sound_s: Annotated[float, Meta(gt=0, le=86_400)] = 3600.0
