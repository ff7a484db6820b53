"""Why there is no session with a broker, in a sentence with the remedy."""

import ssl

from edge.publish.attempts import Address, Outcome
from edge.publish.too_long import TOO_LARGE

TAKEN_OVER = "another client has this identifier: give each device its mqtt.device"
REMEDIES = {
    "Bad user name or password": "check mqtt.username and mqtt.password_file",
    "Not authorized": "check mqtt.username, mqtt.password_file and the broker's access list",
    "Bad authentication method": "check mqtt.username and mqtt.password_file",
    "Client identifier not valid": "check mqtt.client_id, or mqtt.device, which is part of it",
    "Banned": "ask who runs the broker",
    "Session taken over": TAKEN_OVER,
    "Retain not supported": "let the broker keep retained messages: statuses need them",
    "QoS not supported": "let the broker accept QoS 1, which events and statuses need",
}
"""Remedies by reason, for refusals that waiting does not fix."""
OTHER_VERSION = "Unsupported protocol version"
NOT_YET_VALID = 9
"""OpenSSL's X509_V_ERR_CERT_NOT_YET_VALID: the clock is behind, and will be set."""


def failure(address: Address, error: OSError | ValueError, now: str) -> tuple[Outcome, str]:
    """Returns what an error while connecting means; `now` is the time of the clock on the wall."""
    if getattr(error, "verify_code", None) == NOT_YET_VALID:
        return Outcome.UNREACHABLE, (
            f"the certificate of {address} is not valid yet at {now}; retrying: set the clock if "
            "it is wrong"
        )
    if isinstance(error, ssl.SSLError):
        is_final = isinstance(error, ssl.SSLCertVerificationError)
        sentence = f"no trusted connection to {address} ({error}); check mqtt.tls"
        return Outcome.REFUSED if is_final else Outcome.UNREACHABLE, sentence
    return Outcome.UNREACHABLE, f"no broker at {address} ({error}); retrying"


def silence(address: Address, is_known: bool) -> str:
    """Returns what no answer means; `is_known` if there was a session with this broker."""
    if is_known:
        return f"the broker at {address} does not answer; retrying"
    return (
        f"the server at {address} does not answer in MQTT; check mqtt.port and mqtt.tls (is it "
        "enabled, and does the broker ask for a certificate?)"
    )


def refusal(address: Address, reason: str) -> tuple[Outcome, str]:
    """Returns what a refused CONNECT means."""
    if reason == OTHER_VERSION:
        return Outcome.OLDER, f"the broker at {address} does not support this version of MQTT"
    remedy = REMEDIES.get(reason)
    sentence = f"the broker at {address} refuses the connection: {reason}; {remedy or 'retrying'}"
    return Outcome.UNREACHABLE if remedy is None else Outcome.REFUSED, sentence


def loss(address: Address, reason: str, is_short_again: bool) -> tuple[Outcome, str]:
    """Returns what the end of a session means, after several short ones if `is_short_again`."""
    remedy, outcome = REMEDIES.get(reason), Outcome.LOST
    if reason == TOO_LARGE:
        remedy = "reconnecting without the message that it does not take"
    elif remedy is not None:
        outcome = Outcome.REFUSED
    elif is_short_again:
        remedy = f"short again; perhaps the broker does not take a message, or {TAKEN_OVER}"
    return outcome, f"lost the broker at {address} ({reason}); {remedy or 'reconnecting'}"
