"""Credentials for the broker: name and password, certificates, a pre-shared key."""

import os
import ssl
from pathlib import Path

from edge.config import Mqtt, Tls
from edge.errors import ConfigError

USERNAME, PASSWORD = "EMOTIOND_MQTT_USERNAME", "EMOTIOND_MQTT_PASSWORD"
"""Environment variables."""
CREDENTIALS = "CREDENTIALS_DIRECTORY"
"""Folder of systemd's `LoadCredential=`, with `mqtt-username` and `mqtt-password`."""


def credentials(config: Mqtt) -> tuple[str, str | None]:
    """Returns the user name, empty for none, and the password.

    The configuration takes precedence, then systemd's credentials, then the environment. Raises
    ConfigError when a file cannot be read.
    """
    username = config.username or _credential("mqtt-username") or os.environ.get(USERNAME, "")
    if config.password_file and not username:
        raise ConfigError("mqtt.password_file needs mqtt.username as well")
    if config.password_file:
        return username, _secret("mqtt.password_file", config.password_file)
    return username, _credential("mqtt-password") or os.environ.get(PASSWORD)


def tls_context(config: Tls) -> ssl.SSLContext | None:
    """Returns the TLS settings of the connection, None without TLS. Raises ConfigError."""
    if not config.enabled:
        return None
    try:
        context = ssl.create_default_context(cafile=config.ca_file or None)
    except (OSError, ssl.SSLError) as error:
        raise _unusable("mqtt.tls.ca_file", config.ca_file, error) from error
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if config.certificate_file:
        try:
            context.load_cert_chain(config.certificate_file, config.key_file or None)
        except (OSError, ssl.SSLError) as error:
            files = " with ".join(filter(None, (config.certificate_file, config.key_file)))
            raise _unusable("mqtt.tls.certificate_file", files, error) from error
    if config.psk_identity:
        _use_pre_shared_key(context, config)
    elif config.insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _use_pre_shared_key(context: ssl.SSLContext, config: Tls) -> None:
    if not hasattr(context, "set_psk_client_callback"):
        raise ConfigError(
            "mqtt.tls.psk_identity needs Python 3.13 or later; use certificates instead"
        )
    try:
        key = bytes.fromhex(_secret("mqtt.tls.psk_file", config.psk_file))
    except ValueError as error:
        raise ConfigError(
            f"mqtt.tls.psk_file {config.psk_file!r} must hold hexadecimal digits and nothing else"
        ) from error
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE  # the key replaces certificates
    # Brokers do not support pre-shared keys in TLS 1.3.
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("PSK")
    context.set_psk_client_callback(lambda hint: (config.psk_identity, key))


def _credential(name: str) -> str | None:
    folder = os.environ.get(CREDENTIALS)
    file = Path(folder, name) if folder else None
    return _secret(f"credential {name}", str(file)) if file and file.exists() else None


def _secret(key: str, file: str) -> str:
    try:
        return Path(file).read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise _unusable(key, file, error) from error


def _unusable(key: str, file: str, error: Exception) -> ConfigError:
    return ConfigError(f"{key} {file!r} cannot be used ({error})")
