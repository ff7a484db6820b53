"""Secrets of the broker and of cameras: from files, systemd's credentials and the environment."""

import os
import re
from pathlib import Path

from edge.errors import ConfigError

CREDENTIALS = "CREDENTIALS_DIRECTORY"
"""Environment variable: the folder of systemd's `LoadCredential=`."""
VARIABLE = re.compile(r"\$\{(\w+)\}")


def account(section: str, username: str, password_file: str) -> tuple[str, str | None]:
    """Returns the user name, empty for none, and the password, of `mqtt` or `camera`.

    The configuration takes precedence, then systemd's credentials (`mqtt-username`,
    `mqtt-password`), then the environment (`EMOTIOND_MQTT_USERNAME`, `EMOTIOND_MQTT_PASSWORD`).
    Raises ConfigError when a file cannot be read.
    """
    variables = f"EMOTIOND_{section.upper()}"
    name = with_variables(f"{section}.username", username)
    name = name or credential(f"{section}-username") or os.environ.get(f"{variables}_USERNAME", "")
    if password_file and not name:
        raise ConfigError(f"{section}.password_file needs {section}.username as well")
    if password_file:
        return name, read_secret(f"{section}.password_file", password_file)
    password = credential(f"{section}-password") or os.environ.get(f"{variables}_PASSWORD")
    return name, password


def with_variables(key: str, text: str) -> str:
    """Replaces each `${NAME}` by that variable of the environment; raises ConfigError if unset."""

    def value(match: re.Match[str]) -> str:
        name = match.group(1)
        if name not in os.environ:
            raise ConfigError(f"{key} has ${{{name}}}, but the environment has no {name}")
        return os.environ[name]

    return VARIABLE.sub(value, text)


def read_secret(key: str, file: str) -> str:
    """Reads a file that holds one secret; raises ConfigError, which names the key."""
    try:
        return Path(file).read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise unusable(key, file, error) from error


def unusable(key: str, file: str, error: Exception) -> ConfigError:
    """Returns the error for a file, named by a key of the configuration, that cannot be used."""
    return ConfigError(f"{key} {file!r} cannot be used ({error})")


def credential(name: str) -> str | None:
    """Returns one of systemd's credentials, None if there is none; raises ConfigError."""
    folder = os.environ.get(CREDENTIALS)
    file = Path(folder, name) if folder else None
    return read_secret(f"credential {name}", str(file)) if file and file.exists() else None
