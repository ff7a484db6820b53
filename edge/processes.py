"""Starts processes of this very package."""

import sys

# Without the current folder, whose modules Python would import: it may be one of strange files.
START = "import sys; sys.path[:] = filter(None, sys.path); "


def python_command(statements: str, *arguments: str) -> list[str]:
    """Returns the command that runs Python statements, for which `sys` is imported."""
    return [sys.executable, "-c", START + statements, *arguments]
