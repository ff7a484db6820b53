"""Endpoints that read a text, picture, sound, video, or several of one person."""

import math
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from functools import partial
from typing import Any

import anyio
import msgspec
from starlette.requests import Request
from starlette.responses import Response

from edge.web.errors import Refusal, broken_off
from edge.web.state import Server
from edge.web.stream import Stream, Write
from edge.web.uploads import Form, closing, read_form, read_json

NDJSON = "application/x-ndjson"


class TextRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A text to be read."""

    text: str


async def text(request: Request, server: Server) -> Response:
    """Reads a text."""
    async with server.pool.seat():
        wanted = await read_json(request, TextRequest, server.settings.limits)
        job = partial(server.pool.run, "text", {"text": wanted.text}, {})
        return _json(await _while_here(request, job))


async def image(request: Request, server: Server) -> Response:
    """Reads every face in a picture."""
    return await _file(request, server, "image")


async def audio(request: Request, server: Server) -> Response:
    """Reads the voice in a sound."""
    return await _file(request, server, "audio")


async def video(request: Request, server: Server) -> Response:
    """Reads a video: as a whole and over time, with the progress if NDJSON is accepted."""
    if NDJSON not in request.headers.get("accept", ""):
        return await _file(request, server, "video")
    async with AsyncExitStack() as held:
        await held.enter_async_context(server.pool.seat())
        form = held.enter_context(closing(await _form(request, server, ("video",))))
        return Stream(partial(_with_progress, server, form), NDJSON, held.pop_all())
    raise AssertionError  # for mypy, to which an exit may swallow exceptions


async def fused(request: Request, server: Server) -> Response:
    """Reads a picture, a sound and a text of one person at one moment."""
    async with server.pool.seat():
        parts = ("image", "audio", "text")
        with closing(await _form(request, server, parts)) as form:
            arguments = {} if form.text is None else {"text": form.text}
            return _json(await _run(request, server, "fused", arguments, form))


async def _form(request: Request, server: Server, parts: tuple[str, ...]) -> Form:
    return await read_form(request, parts, server.settings.limits, server.uploads)


async def _file(request: Request, server: Server, kind: str) -> Response:
    async with server.pool.seat():
        with closing(await _form(request, server, (kind,))) as form:
            return _json(await _run(request, server, kind, {}, form))


async def _run(
    request: Request, server: Server, job: str, arguments: Mapping[str, Any], form: Form
) -> bytes:
    """Runs a job on the files of a form; raises Refusal, which names the file."""
    try:
        return await _while_here(request, partial(server.pool.run, job, arguments, form.files))
    except Refusal as refusal:
        raise _named(refusal, form) from None


async def _while_here(request: Request, job: Callable[[], Awaitable[bytes]]) -> bytes:
    """Runs a job unless the client leaves, whose seat is then free; raises Refusal."""
    answer: bytes | Refusal = broken_off()
    async with anyio.create_task_group() as tasks:

        async def watch() -> None:
            while (await request.receive())["type"] != "http.disconnect":
                pass
            tasks.cancel_scope.cancel()

        tasks.start_soon(watch)
        try:
            answer = await job()
        except Refusal as refusal:
            answer = refusal
        tasks.cancel_scope.cancel()
    if isinstance(answer, Refusal):
        raise answer
    return answer


def _named(refusal: Refusal, form: Form) -> Refusal:
    if not form.names:
        return refusal
    names = " and ".join(form.names.values())
    return Refusal(refusal.status, f"{names}: {refusal}", refusal.headers)


async def _with_progress(server: Server, form: Form, write: Write) -> None:
    """Writes lines of JSON: `progress` from 0 to 1, then `result` or `error`."""
    shares, shares_read = anyio.create_memory_object_stream[float](math.inf)

    async def forward() -> None:
        async for share in shares_read:
            await write(b'{"progress": %.3f}\n' % share)

    last = b""
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(forward)
        with shares:
            try:
                result = await server.pool.run("video", {}, form.files, shares.send_nowait)
                last = b'{"result": ' + result + b"}\n"
            except Refusal as refusal:
                last = msgspec.json.encode({"error": str(_named(refusal, form))}) + b"\n"
    await write(last)


def _json(body: bytes) -> Response:
    return Response(body, media_type="application/json")
