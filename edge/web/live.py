"""The WebSocket of a page that tries it live: its pictures, sound and texts in, answers out.

Nothing is kept: each picture and sound is forgotten once it is read.
"""

import math
import secrets
import struct
from typing import Annotated, Any

import anyio
import msgspec
from msgspec import Meta
from starlette.websockets import WebSocket, WebSocketDisconnect

from edge.web.errors import Refusal, unusable
from edge.web.state import Server

HEADER = struct.Struct("<Bd")
"""Of every binary message: the kind, and the time of capture in seconds of the page's clock."""
KINDS = {1: "frame", 2: "sound"}
"""A JPEG, or int16 mono at 16 kHz, little-endian."""
MAX_MESSAGE_BYTES = 1_000_000
MAX_LATE_S = 1.0
"""The page's clock may go back by this much between two messages of a kind."""
MAX_APART_S = 15.0
"""What is older than another kind by more counts as younger: a busy page encodes pictures late."""
POLICY, TRY_LATER, TOO_SLOW = 1008, 1013, 4008
"""Codes with which the server closes."""


class LiveText(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A text of the person in front of the page."""

    text: Annotated[str, Meta(max_length=10_000)]
    captured_s: float


async def serve(socket: WebSocket, server: Server) -> None:
    """Serves one page until it leaves, stalls or sends rubbish; the reason is sent to it."""
    await socket.accept()
    if server.live >= server.settings.limits.live:
        await _close(socket, TRY_LATER, f"{server.live} pages are live already; try again later")
        return
    server.live += 1
    session = secrets.token_hex(8)
    try:
        await _converse(socket, server, session)
    except (WebSocketDisconnect, RuntimeError):  # it left, perhaps while we answered
        pass
    finally:
        server.live -= 1
        with anyio.CancelScope(shield=True):
            await server.pool.end_live(session)


async def _converse(socket: WebSocket, server: Server, session: str) -> None:
    newest_s: dict[str, float] = {}
    while True:
        try:
            with anyio.fail_after(server.settings.limits.stall_s):
                message = await socket.receive()
        except TimeoutError:
            stalled = f"nothing arrived for {server.settings.limits.stall_s:g} s"
            await _close(socket, TOO_SLOW, stalled)
            return
        if message["type"] == "websocket.disconnect":
            return
        try:
            kind, arguments = _understood(message)
            arguments["captured_s"] = _time_s(newest_s, kind, arguments["captured_s"])
        except Refusal as refusal:
            await _close(socket, POLICY, str(refusal))
            return
        server.metrics.live_input(kind)
        try:
            answer = await server.pool.live(f"live_{kind}", session=session, **arguments)
        except Refusal as refusal:
            answer = msgspec.json.encode({"error": str(refusal)})
        await socket.send_text(f'{{"kind": "{kind}", "answer": {answer.decode()}}}')


def _time_s(newest_s: dict[str, float], kind: str, captured_s: float) -> float:
    """Notes the time of a message of a kind, and returns the time at which it is read.

    Raises Refusal if the clock went back.
    """
    newest_of_kind_s = newest_s.get(kind, -math.inf)
    if not captured_s >= newest_of_kind_s - MAX_LATE_S:  # also if it is not a number
        raise unusable("the time of capture goes back")
    newest_s[kind] = max(captured_s, newest_of_kind_s)
    return max(captured_s, max(newest_s.values()) - MAX_APART_S)


def _understood(message: Any) -> tuple[str, dict[str, Any]]:
    """Returns the kind of a message and the arguments of its job; raises Refusal."""
    if (data := message.get("bytes")) is not None:
        kind, captured_s = HEADER.unpack_from(data) if len(data) > HEADER.size else (0, 0.0)
        if kind not in KINDS or not math.isfinite(captured_s):
            raise unusable("a message is a kind (1 or 2), a time, and a picture or sound")
        return KINDS[kind], {"data": bytes(data[HEADER.size :]), "captured_s": captured_s}
    try:
        wanted = msgspec.json.decode(message.get("text") or "", type=LiveText)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise unusable(f"not a text of a live page ({type(error).__name__})") from error
    return "text", msgspec.to_builtins(wanted)


async def _close(socket: WebSocket, code: int, reason: str) -> None:
    await socket.send_text(msgspec.json.encode({"closed": reason}).decode())
    await socket.close(code)
