"""The server of `emotiond serve` in this process, on a free port."""

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import urllib3
import uvicorn
from starlette.applications import Starlette

from edge.clock import Clock
from edge.commands.demo.broker import HOST
from edge.config import Config, Mqtt
from edge.web.app import create_app
from edge.web.serve import server_config
from edge.web.settings import Limits, WebSettings
from edge.web.state import Server
from tests.support.waiting import wait_until

NO_BROKER = Config(mqtt=Mqtt(port=1))
JSON = {"Content-Type": "application/json"}


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Any
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def error(self) -> str:
        return str(self.json["error"])


@dataclass(frozen=True)
class Site:
    port: int
    server: Server

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"

    def request(self, method: str, path: str, **options: Any) -> Answer:
        with urllib3.PoolManager(retries=False, timeout=60) as pool:
            answer = pool.request(method, f"{self.url}{path}", redirect=False, **options)
            return Answer(answer.status, answer.headers, answer.data)

    def get(self, path: str, **headers: str) -> Answer:
        return self.request("GET", path, headers=headers)

    def post(self, path: str, content: Any) -> Answer:
        return self.request("POST", path, body=json.dumps(content), headers=JSON)

    def upload(self, path: str, headers: Any = None, **files: Any) -> Answer:
        """Files are bytes, or a name, bytes and a type."""
        fields = {
            name: one if isinstance(one, tuple | str) else (f"{name}.bin", one)
            for name, one in files.items()
        }
        return self.request("POST", path, fields=fields, headers=headers)


@contextmanager
def site(
    limits: Limits | None = None, clock: Clock | None = None, port: int = 0, **settings: Any
) -> Iterator[Site]:
    """Runs a server in a thread, on a free port; without a configuration it has no broker."""
    chosen = WebSettings(**{"config": NO_BROKER, "limits": limits or Limits(), **settings})
    app = create_app(chosen, (clock or Clock()).now_s)
    with serving(app, chosen, port) as chosen_port:
        yield Site(chosen_port, app.state.server)


@contextmanager
def serving(app: Starlette, settings: WebSettings, port: int = 0) -> Iterator[int]:
    """Serves an application in a thread; yields its port."""
    with socket.create_server((HOST, port)) as listener:
        runner = uvicorn.Server(server_config(app, settings))
        thread = threading.Thread(target=runner.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            wait_until(lambda: runner.started)
            yield listener.getsockname()[1]
        finally:
            runner.should_exit = True
            thread.join(20)
