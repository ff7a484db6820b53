"""Addresses that models may be fetched from."""

import ipaddress
from urllib.parse import urlsplit


def address_fault(address: str, allow_http: bool) -> str:
    """Returns why nothing is fetched from an address; empty if it may be.

    It must be https, or http on this machine: without TLS anybody on the way could hold back new
    models or send endless ones, although none without a trusted signature.
    """
    try:
        parts = urlsplit(address)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return "it is not an address"
    is_http = parts.scheme == "http"
    faults = {
        "it must start with https:// and name a server": (
            parts.scheme not in ("http", "https") or not host
        ),
        "it must have only printable ASCII characters": (
            not address.isascii() or not address.isprintable() or " " in address
        ),
        "it must not have a user name or password": "@" in parts.netloc,
        "it must not have a ? or #": "?" in address or "#" in address,
        "it must start with https://, or insecure_http must be true": (
            is_http and not allow_http and not _is_local(host or "")
        ),
    }
    return next((fault for fault, is_there in faults.items() if is_there), "")


def _is_local(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
