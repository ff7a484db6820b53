"""Starts `emotiond serve` from the command line's options."""

import argparse
from dataclasses import replace

import msgspec

from edge.config import Config
from edge.errors import EmotiondError
from edge.web.serve import new_token, read_token, serve
from edge.web.settings import WebSettings


def start(config: Config, options: argparse.Namespace) -> None:
    """Serves until it is told to stop; raises EmotiondError.

    On an address that others can reach, a token is demanded: that of a file, or a new one that is
    printed once.
    """
    if bool(options.certificate) != bool(options.key):
        raise EmotiondError("--certificate and --key belong together, but one of them is missing")
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
    token = None
    if options.token_file is not None:
        token = read_token(options.token_file)
    elif not settings.is_local:
        token = new_token()
    settings = replace(settings, token=token)
    serve(settings, show_token=options.token_file is None)
