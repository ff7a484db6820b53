"""Starts `emotiond serve` from the command line's options."""

import argparse
import os
from dataclasses import replace

import msgspec

from edge.config import Config
from edge.errors import ConfigError
from edge.secrets import credential
from edge.web.serve import checked_token, new_token, read_token, serve
from edge.web.settings import WebSettings

JOURNAL = "JOURNAL_STREAM"
"""Set by systemd if what a service prints goes to the journal."""


def start(config: Config, options: argparse.Namespace) -> None:
    """Serves until it is told to stop; raises EmotiondError, a ConfigError for faulty options.

    On an address that others can reach, a token is demanded: that of a file or of systemd's
    credential, or a new one that is printed once.
    """
    if bool(options.certificate) != bool(options.key):
        raise ConfigError("--certificate and --key belong together, but one of them is missing")
    if options.camera is not None:
        source = int(options.camera) if options.camera.isdecimal() else options.camera
        camera = msgspec.structs.replace(config.camera, source=source)
        config = msgspec.structs.replace(config, camera=camera)
    settings = WebSettings(
        host=options.host,
        port=options.port,
        names=tuple(options.name),
        certificate=options.certificate,
        key=options.key,
        camera=options.camera is not None,
        config=config,
    )
    given = _given_token(options)
    if given or settings.is_local:
        serve(replace(settings, token=given or None), show_token=False)
    elif os.environ.get(JOURNAL):
        raise ConfigError(
            f"{settings.host} can be reached by others, so a token is needed: write one into "
            "/etc/emotiond/web-token; a new one would stand in the journal"
        )
    else:
        serve(replace(settings, token=new_token()), show_token=True)


def _given_token(options: argparse.Namespace) -> str:
    """Returns the token of a file or of systemd's credential `web-token`, empty without one."""
    if options.token_file is not None:
        return read_token(options.token_file)
    kept = (credential("web-token") or "").strip()
    return checked_token(kept, "credential web-token") if kept else ""
