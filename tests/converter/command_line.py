"""Runs `emotion-convert` in the tests' process, which has imported TensorFlow already."""

import pytest

from converter import cli


def convert(patch: pytest.MonkeyPatch, *arguments: object) -> int:
    """Returns the exit code of a command."""
    patch.setattr("sys.argv", ["emotion-convert", *map(str, arguments)])
    return cli.main()
