"""The options of the commands of `emotiond` that have several."""

import argparse
from pathlib import Path

WATCH_OPTIONS = ("host", "port", "device", "username", "password_file")


def add_predict_options(predict: argparse.ArgumentParser) -> None:
    """Adds the options of `emotiond predict`."""
    predict.add_argument("paths", type=Path, nargs="*", metavar="PATH", help="a file or folder")
    predict.add_argument("--json", action="store_true", help="print one JSON object per line")
    predict.add_argument(
        "--cropped", action="store_true", help="pictures are face crops; skip detection"
    )
    predict.add_argument(
        "--text", action="append", default=[], metavar="LINE", help="a text; may be repeated"
    )
    for name, what in (("image", "picture"), ("audio", "sound")):
        predict.add_argument(
            f"--{name}",
            type=Path,
            metavar="FILE",
            help=f"a {what} of a person, to be fused with the other of --image, --audio and --text",
        )
    predict.add_argument(
        "--text-file",
        action="append",
        default=[],
        type=Path,
        metavar="FILE",
        help="a file with one text per line; may be repeated",
    )


def add_watch_options(watch: argparse.ArgumentParser) -> None:
    """Adds the options of `emotiond watch`."""
    for option in WATCH_OPTIONS:
        kind = int if option == "port" else str
        text = f"overrides mqtt.{option}"
        watch.add_argument(f"--{option.replace('_', '-')}", type=kind, help=text)
    watch.add_argument("--all", action="store_true", help="show every device under the prefix")


def add_models_options(models: argparse.ArgumentParser) -> None:
    """Adds the actions of `emotiond models`, and their options."""
    models.add_argument(
        "--state-folder", default="", metavar="DIR", help="overrides state_folder of the daemon"
    )
    actions = models.add_subparsers(dest="action", required=True)
    actions.add_parser("list", help="show what is in use")
    install = actions.add_parser("install", help="install a bundle, tried by the running daemon")
    install.add_argument("source", help="a file, a folder or an https:// address")
    install.add_argument("--allow-older", action="store_true", help="than was in use already")
    verify = actions.add_parser("verify", help="check a bundle without installing it")
    verify.add_argument("source", nargs="?", default="", help="(default: the bundle in use)")
    actions.add_parser("rollback", help="return to the bundle before")


def add_serve_options(serve: argparse.ArgumentParser) -> None:
    """Adds the options of `emotiond serve`."""
    serve.add_argument("--host", default="127.0.0.1", help="address to listen on (%(default)s)")
    serve.add_argument("--port", type=int, default=8000, help="(default: %(default)s)")
    serve.add_argument(
        "--token-file", type=Path, metavar="FILE", help="a file that holds the token of the page"
    )
    serve.add_argument(
        "--name", action="append", default=[], help="another host name of this machine; repeatable"
    )
    serve.add_argument("--certificate", type=Path, metavar="FILE", help="for https, PEM")
    serve.add_argument("--key", type=Path, metavar="FILE", help="of the certificate, PEM")
    serve.add_argument(
        "--camera",
        metavar="SOURCE",
        help="show the picture of this camera, as `camera.source`, to aim it; off by default",
    )
