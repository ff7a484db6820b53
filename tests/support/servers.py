"""An HTTP server whose answers a test chooses."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from edge.commands.demo.broker import HOST


@dataclass
class Answer:
    """What a server sends for one path."""

    content: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    announced_bytes: int | None = None
    """The length that it promises; None for that of the content, negative for no promise."""


class FileServer:
    """Answers by path; `asked` has the paths of all requests."""

    def __init__(self, port: int) -> None:
        self.address = f"http://{HOST}:{port}"
        self.answers: dict[str, Answer] = {}
        self.asked: list[str] = []


@contextmanager
def file_server() -> Iterator[FileServer]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            files.asked.append(self.path)
            answer = files.answers.get(self.path, Answer(status=404))
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            length = answer.announced_bytes
            if length is None or length >= 0:
                self.send_header("Content-Length", str(length or len(answer.content)))
            self.end_headers()
            self.wfile.write(answer.content)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer((HOST, 0), Handler) as server:
        files = FileServer(server.server_address[1])
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield files
        finally:
            server.shutdown()
            thread.join()
