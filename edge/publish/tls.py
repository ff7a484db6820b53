"""Encryption of the connection to the broker: certificates, a pre-shared key."""

import ssl

from edge.config import Mqtt, Tls
from edge.errors import ConfigError
from edge.publish.attempts import addresses
from edge.secrets import read_secret, unusable

LOOPBACK = ("localhost", "127.0.0.1", "::1")


def tls_context(config: Tls) -> ssl.SSLContext | None:
    """Returns the TLS settings of the connection, None without TLS. Raises ConfigError."""
    if not config.enabled:
        return None
    try:
        context = ssl.create_default_context(cafile=config.ca_file or None)
    except (OSError, ssl.SSLError) as error:
        raise unusable("mqtt.tls.ca_file", config.ca_file, error) from error
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if config.certificate_file:
        try:
            context.load_cert_chain(config.certificate_file, config.key_file or None)
        except (OSError, ssl.SSLError) as error:
            files = " with ".join(filter(None, (config.certificate_file, config.key_file)))
            raise unusable("mqtt.tls.certificate_file", files, error) from error
    if config.psk_identity:
        _use_pre_shared_key(context, config)
    elif config.insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def weaknesses(config: Mqtt, has_password: bool) -> list[str]:
    """Returns a sentence for each way in which others on the network could listen or interfere."""
    found = []
    hosts = [one.host for one in addresses(config) if one.host not in LOOPBACK]
    if has_password and hosts and not config.tls.enabled:
        found.append(f"the password for {hosts[0]} is sent in clear text; set mqtt.tls.enabled")
    if config.tls.insecure:
        found.append(
            "mqtt.tls.insecure accepts any certificate, so anybody could pretend to be the broker; "
            "set mqtt.tls.ca_file instead"
        )
    return found


def _use_pre_shared_key(context: ssl.SSLContext, config: Tls) -> None:
    if not hasattr(context, "set_psk_client_callback"):
        raise ConfigError(
            "mqtt.tls.psk_identity needs Python 3.13 or later; use certificates instead"
        )
    try:
        key = bytes.fromhex(read_secret("mqtt.tls.psk_file", config.psk_file))
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
