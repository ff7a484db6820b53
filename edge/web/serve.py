"""`emotiond serve`: runs the page and the API until SIGTERM or Ctrl-C."""

import secrets
import socket
from pathlib import Path

import uvicorn
from starlette.applications import Starlette

from edge.errors import ConfigError, EmotiondError
from edge.web.app import create_app
from edge.web.connections import protocol
from edge.web.live import MAX_MESSAGE_BYTES
from edge.web.settings import WebSettings

MIN_TOKEN_CHARACTERS = 16
PING_S = 20.0
STOP_S = 1
LOOP = "edge.web.connections:BoundedLoop"


def read_token(file: Path) -> str:
    """Reads a token of at least MIN_TOKEN_CHARACTERS from a file; raises ConfigError."""
    try:
        token = file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file}: cannot read the token ({error})") from error
    return checked_token(token, str(file))


def checked_token(token: str, source: str) -> str:
    """Returns the token; raises ConfigError, which names its source, if it can be guessed."""
    if len(token) < MIN_TOKEN_CHARACTERS or not token.isascii() or not token.isprintable():
        raise ConfigError(
            f"{source}: a token has at least {MIN_TOKEN_CHARACTERS} printable ASCII characters; "
            "make one with `openssl rand -hex 16`"
        )
    return token


def new_token() -> str:
    """Makes a token."""
    return secrets.token_urlsafe(24)


def serve(settings: WebSettings, show_token: bool) -> None:
    """Serves until it is told to stop; raises EmotiondError if the address cannot be used.

    Raises ConfigError for a certificate or key that cannot be used.
    """
    config = server_config(create_app(settings), settings)
    _load(config, settings)
    listener = _listen(settings)
    print(f"emotiond: open {address(settings, listener)}", flush=True)
    if settings.token and show_token:
        print(f"emotiond: it asks for the token {settings.token}", flush=True)
    uvicorn.Server(config).run([listener])


def server_config(app: Starlette, settings: WebSettings) -> uvicorn.Config:
    """Returns how uvicorn serves the application."""
    return uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        http=protocol(settings.limits),
        loop=LOOP,
        ws="websockets-sansio",
        ws_max_size=MAX_MESSAGE_BYTES,
        ws_per_message_deflate=False,  # pictures do not shrink, and a bomb would unpack
        ws_ping_interval=PING_S,
        ws_ping_timeout=PING_S,
        timeout_graceful_shutdown=STOP_S,
        ssl_certfile=settings.certificate,
        ssl_keyfile=settings.key,
        # Without one, OpenSSL asks the terminal, where nobody may be.
        ssl_keyfile_password=" ",  # noqa: S106 - not a secret
    )


def address(settings: WebSettings, listener: socket.socket) -> str:
    """Returns the URL of the page."""
    host, port = listener.getsockname()[:2]
    if host in ("0.0.0.0", "::"):  # noqa: S104 - compared, not bound
        host = socket.gethostname()
    scheme = "https" if settings.certificate else "http"
    return f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}/"


def _load(config: uvicorn.Config, settings: WebSettings) -> None:
    try:
        config.load()
    except (OSError, ValueError) as error:  # SSLError is an OSError
        files = f"--certificate {settings.certificate}, --key {settings.key}"
        if settings.certificate is None:
            raise
        raise ConfigError(
            f"{files}: cannot be used ({error}); they are a certificate and its key, both PEM, the "
            "key without a passphrase"
        ) from error


def _listen(settings: WebSettings) -> socket.socket:
    try:
        found = socket.getaddrinfo(
            settings.host, settings.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
        family, _, _, _, sockaddr = found[0]
        listener = socket.socket(family, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(sockaddr)
        listener.listen(128)
    except OSError as error:
        raise EmotiondError(
            f"cannot listen on {settings.host}, port {settings.port} ({error.strerror or error}); "
            "choose others with --host and --port"
        ) from error
    return listener
