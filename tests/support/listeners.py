"""TCP servers in place of a broker that do not answer as a current broker does."""

import contextlib
import socket
import threading
from collections.abc import Callable

from edge.commands.demo.broker import HOST


class Listener:
    """Accepts connections and hands each to `serve`; counts them."""

    def __init__(self, serve: Callable[[socket.socket], None]) -> None:
        self._server, self._serve = socket.create_server((HOST, 0)), serve
        self.port: int = self._server.getsockname()[1]
        self.accepted = 0
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        while True:
            try:
                wire, _ = self._server.accept()
            except OSError:
                return
            self.accepted += 1
            threading.Thread(target=self._attend, args=(wire,), daemon=True).start()

    def _attend(self, wire: socket.socket) -> None:
        with contextlib.suppress(OSError):  # the client is gone, or the broker behind this listener
            self._serve(wire)
        wire.close()

    def close(self) -> None:
        self._server.close()


def keep_silent(wire: socket.socket) -> None:
    with wire:
        while wire.recv(4096):
            pass


def refuse_mqtt_5(wire: socket.socket) -> None:
    """Refuses MQTT 5 as brokers from before 2019 do: with a CONNACK of the old form and reason."""
    with wire:
        connect = wire.recv(4096)
        version = connect[connect.index(b"MQTT") + 4]
        if version == 5:
            wire.sendall(b"\x20\x02\x00\x01")
            return
        wire.sendall(b"\x20\x02\x00\x00")
        while wire.recv(4096):
            pass
