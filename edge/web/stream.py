"""A response that is sent piece by piece until it is complete or the client leaves."""

from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack

import anyio
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

Write = Callable[[bytes], Awaitable[None]]


class Stream(Response):
    """Sends what `produce` writes; `resources` are freed at the end, however it comes."""

    def __init__(
        self,
        produce: Callable[[Write], Awaitable[None]],
        media_type: str,
        resources: AsyncExitStack,
    ) -> None:
        super().__init__(media_type=media_type, headers={"Cache-Control": "no-store"})
        del self.headers["content-length"]
        self._produce, self._resources = produce, resources

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one request."""

        async def write(piece: bytes) -> None:
            await send({"type": "http.response.body", "body": piece, "more_body": True})

        async def watch(scope: anyio.CancelScope) -> None:
            while (await receive())["type"] != "http.disconnect":
                pass
            scope.cancel()

        async with self._resources:
            await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(watch, tasks.cancel_scope)
                await self._produce(write)
                await send({"type": "http.response.body", "body": b"", "more_body": False})
                tasks.cancel_scope.cancel()
