"""TCP servers in place of a broker that do not answer as a current broker does."""

import contextlib
import socket
import threading
from collections.abc import Callable
from typing import BinaryIO

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


def want_another_password(wire: socket.socket) -> None:
    """Answers like a camera that wants another password."""
    while request := wire.recv(4096):
        lines = request.decode().splitlines()
        protocol = "RTSP/1.0" if "RTSP/" in lines[0] else "HTTP/1.0"
        numbers = [line for line in lines if line.lower().startswith("cseq")]
        head = [f"{protocol} 401 Unauthorized", *numbers, 'WWW-Authenticate: Basic realm="cam"']
        wire.sendall("\r\n".join([*head, "Content-Length: 0", "", ""]).encode())
        if protocol == "HTTP/1.0":
            return


class Reluctant:
    """Serves MQTT 3.1.1, and refuses one topic the first time, as a cluster without a leader."""

    def __init__(self, refused: str) -> None:
        self.asked: list[list[str]] = []
        """Topics of each SUBSCRIBE."""
        self._refused = refused

    def __call__(self, wire: socket.socket) -> None:
        """Answers one client."""
        stream = wire.makefile("rb")
        while head := stream.read(1):
            body = stream.read(_length(stream))
            kind = head[0] >> 4
            if kind == CONNECT:
                wire.sendall(b"\x20\x02\x00\x00")
            elif kind == PUBLISH:
                start = 2 + int.from_bytes(body[:2], "big")
                wire.sendall(b"\x40\x02" + body[start : start + 2])
            elif kind == SUBSCRIBE:
                topics = _topics(body[2:])
                first = not self.asked
                codes = bytes(0x80 if first and one == self._refused else 1 for one in topics)
                self.asked.append(topics)
                wire.sendall(bytes([0x90, 2 + len(codes)]) + body[:2] + codes)


CONNECT, PUBLISH, SUBSCRIBE = 1, 3, 8


def _length(stream: BinaryIO) -> int:
    """Reads the length of a packet (MQTT 3.1.1, section 2.2.3)."""
    length = shift = 0
    while True:
        byte = stream.read(1)[0]
        length |= (byte & 127) << shift
        if byte < 128:
            return length
        shift += 7


def _topics(body: bytes) -> list[str]:
    """Returns the topics of a SUBSCRIBE."""
    found = []
    while body:
        size = int.from_bytes(body[:2], "big")
        found.append(body[2 : 2 + size].decode())
        body = body[3 + size :]
    return found
