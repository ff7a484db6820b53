"""ALSA on this machine."""

from pathlib import Path

ALSA_CONF = Path("/usr/share/alsa/alsa.conf")
