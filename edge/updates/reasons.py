"""Reasons of failures, as sentences."""

import re
from collections.abc import Mapping

FOLDERS = re.compile(r"(?<![\w/.:])/(?:[^/\s]+/)*(?=[^/\s])")
"""The folders of an absolute path; not those of an address."""


def sentence(error: Exception) -> str:
    """Returns the reason of a failure as a sentence."""
    if isinstance(error, OSError):
        return f"the state folder cannot be written ({error.strerror or type(error).__name__})"
    return str(error)


def without_paths(reason: str, names: Mapping[str, str]) -> str:
    """Returns a reason that may be published: it tells nothing of the folders of the device.

    `names` has what stands for the paths of the configuration, by path.
    """
    for path in sorted(filter(None, names), key=len, reverse=True):
        reason = reason.replace(path, names[path])
    return FOLDERS.sub("", reason)
