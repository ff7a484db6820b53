"""The picture of this device's own camera, to aim it: only while somebody watches.

This is the one place where a picture leaves the process: to its own user's page, never to a disk.
"""

import asyncio
import struct
from typing import Any

import msgspec
from anyio import from_thread, to_thread
from starlette.websockets import WebSocket, WebSocketDisconnect

from edge.web.errors import Refusal
from edge.web.process import Worker
from edge.web.state import Server

LENGTH = struct.Struct("<I")
"""Of the JSON that precedes the JPEG in every message."""
TRY_LATER = 1013


class CameraView:
    """Opens the camera for the first page that watches and closes it after the last one."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._worker: Worker | None = None
        self._task: asyncio.Task[None] | None = None
        self._watchers: set[asyncio.Event] = set()
        self._newest = b""
        self._error: str | None = None

    async def serve(self, socket: WebSocket, server: Server) -> None:
        """Sends each newest picture until the page leaves."""
        await socket.accept()
        if not server.settings.camera:
            await socket.send_text('{"closed": "start the server with --camera to see one"}')
            await socket.close(TRY_LATER)
            return
        server.watching += 1
        if self._task is None:
            self._error = None
            self._worker = Worker(server.settings.config, server.settings.limits)
            self._task = asyncio.create_task(self._watch(self._worker))
        try:
            await self._forward(socket)
        except (WebSocketDisconnect, RuntimeError):
            pass  # it left
        finally:
            server.watching -= 1
            if not server.watching:
                self.stop()

    def stop(self) -> None:
        """Closes the camera."""
        if self._worker is not None:
            self._worker.stop()
        self._worker = self._task = None

    async def _forward(self, socket: WebSocket) -> None:
        changed = asyncio.Event()
        self._watchers.add(changed)
        left = asyncio.ensure_future(socket.receive())
        left.add_done_callback(lambda _: changed.set())
        try:
            while True:
                await changed.wait()
                changed.clear()
                if left.done():
                    return
                if self._error is not None:
                    await socket.send_text(msgspec.json.encode({"closed": self._error}).decode())
                    await socket.close(TRY_LATER)
                    return
                await socket.send_bytes(self._newest)
        finally:
            self._watchers.discard(changed)
            left.cancel()

    async def _watch(self, worker: Worker) -> None:
        camera = self._server.settings.config.camera

        def take(content: Any) -> None:
            answer, picture = content
            self._newest = LENGTH.pack(len(answer)) + answer + picture
            self._wake()

        def call() -> None:
            worker.call(
                "camera",
                {"camera": camera},
                {},
                None,
                lambda content: from_thread.run_sync(take, content),
            )

        try:
            await to_thread.run_sync(call, abandon_on_cancel=True)
            error = "the camera gives no more pictures"
        except Refusal as refusal:
            error = str(refusal)
        if self._worker is worker:  # it was not stopped
            self._error, self._task = error, None
            self._wake()

    def _wake(self) -> None:
        for changed in self._watchers:
            changed.set()
