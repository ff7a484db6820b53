"""Receives what others send: forms with files into memory, never onto a disk, and JSON."""

import os
from collections.abc import AsyncIterator, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TypeVar

import anyio
import msgspec
from multipart import (
    MultipartError,
    MultipartSegment,
    PushMultipartParser,
    parse_options_header,
)
from starlette.requests import ClientDisconnect, Request

from edge.web.errors import Refusal, broken_off, busy, too_large, unusable, wrong_type
from edge.web.settings import Limits

FILES = {
    "image": ("image",),
    "audio": ("audio", "video"),
    "video": ("video", "audio"),
}
"""Main media types that each file of a form may have: many containers hold either."""
ANY_TYPE = frozenset({"", "application/octet-stream", "application/ogg", "application/x-matroska"})
"""Types that say nothing about the content."""
MAX_PARTS = 8
T = TypeVar("T")


class Budget:
    """The memory that all uploads together may take."""

    def __init__(self, most_bytes: int) -> None:
        self.left_bytes = self._most = most_bytes

    def take(self, count: int) -> None:
        """Takes some bytes; raises Refusal if they are not left."""
        if count > self.left_bytes:
            raise busy(f"uploads take {self._most / 1e6:g} MB already; try again in a moment")
        self.left_bytes -= count

    def give_back(self, count: int) -> None:
        """Returns bytes that were taken."""
        self.left_bytes += count


@dataclass
class Form:
    """The parts of a form."""

    budget: Budget
    taken_bytes: int = 0
    files: dict[str, int] = field(default_factory=dict)
    """Descriptors of files in memory, by part."""
    names: dict[str, str] = field(default_factory=dict)
    """What the sender calls each file; only ever shown."""
    text: str | None = None

    def close(self) -> None:
        """Frees the memory."""
        for descriptor in self.files.values():
            os.close(descriptor)
        self.files.clear()
        self.budget.give_back(self.taken_bytes)
        self.taken_bytes = 0


@contextmanager
def closing(form: Form) -> Iterator[Form]:
    """Frees the memory of a form at the end of a `with` block."""
    try:
        yield form
    finally:
        form.close()


async def read_body(request: Request, media_type: str, limits: Limits) -> bytes:
    """Returns the body if it is of this media type, and not larger than a text; raises Refusal."""
    if request.headers.get("content-type", "").partition(";")[0].strip() != media_type:
        raise wrong_type(f"send it with the header `Content-Type: {media_type}`")
    _check_length(request, limits.text_bytes)
    body = b""
    async for chunk in _chunks(request, limits):
        body += chunk
        if len(body) > limits.text_bytes:
            raise too_large(f"more than {limits.text_bytes} bytes; make it shorter")
    return body


async def read_json(request: Request, kind: type[T], limits: Limits) -> T:
    """Returns the body, JSON of this type; raises Refusal."""
    body = await read_body(request, "application/json", limits)
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise unusable(f"not the JSON that is expected here ({error}); see /docs") from error
    except RecursionError:
        raise unusable("not the JSON that is expected here (nested too deeply)") from None


async def read_form(
    request: Request, expected: Collection[str], limits: Limits, budget: Budget
) -> Form:
    """Receives a form with at least one of the expected parts; raises Refusal.

    The caller closes it.
    """
    kind, options = parse_options_header(request.headers.get("content-type", ""))
    if kind != "multipart/form-data" or not options.get("boundary"):
        parts = " or ".join(f"`{one}`" for one in expected)
        raise wrong_type(f"send a form (multipart/form-data) with the part {parts}; see /docs")
    _check_length(request, limits.upload_bytes)
    form = Form(budget)
    try:
        await _receive(request, _Receiver(form, expected, limits), options["boundary"], limits)
        if not form.files and form.text is None:
            parts = " or ".join(f"`{one}`" for one in expected)
            raise unusable(f"the form lacks the part {parts}")
    except BaseException:
        form.close()
        raise
    return form


async def _receive(request: Request, receiver: "_Receiver", boundary: str, limits: Limits) -> None:
    try:
        parser = PushMultipartParser(boundary, max_segment_count=MAX_PARTS)
        async for chunk in _chunks(request, limits):
            for event in parser.parse(chunk):
                receiver.take(event)
        parser.close()
    except MultipartError as error:
        raise unusable(f"the form is damaged or incomplete ({error})") from error


class _Receiver:
    """Puts the parts of a form where they belong as they arrive."""

    def __init__(self, form: Form, expected: Collection[str], limits: Limits) -> None:
        self._form, self._expected, self._limits = form, expected, limits
        self._part = ""
        self._text = b""
        self._left = limits.upload_bytes

    def take(self, event: MultipartSegment | bytearray | bytes | None) -> None:
        """Takes the start, a piece, or the end (None) of a part; raises Refusal."""
        if isinstance(event, MultipartSegment):
            self._start(event)
        elif event is None:
            self._end()
        elif self._part == "text":
            self._text += event
            if len(self._text) > self._limits.text_bytes:
                raise too_large(f"the text has more than {self._limits.text_bytes} bytes")
        else:
            self._write(event)

    def _start(self, segment: MultipartSegment) -> None:
        name = segment.name or ""
        if name not in self._expected:
            known = ", ".join(f"`{one}`" for one in self._expected)
            raise unusable(f"unknown part {shown(name)!r}; known here: {known}")
        if name in self._form.files or (name == "text" and self._text):
            raise unusable(f"the part `{name}` is there twice")
        self._part = name
        if name == "text":
            return
        content_type = segment.content_type or ""
        main = content_type.partition("/")[0]
        if content_type not in ANY_TYPE and main not in FILES[name]:
            raise wrong_type(f"the part `{name}` has the type {content_type[:80]!r}")
        self._form.files[name] = os.memfd_create(name)
        self._form.names[name] = shown(segment.filename or name)

    def _write(self, piece: bytes | bytearray) -> None:
        self._left -= len(piece)
        if self._left < 0:
            raise too_large(_too_many_bytes(self._limits.upload_bytes))
        self._form.budget.take(len(piece))
        self._form.taken_bytes += len(piece)
        descriptor = self._form.files[self._part]
        while piece:
            piece = piece[os.write(descriptor, piece) :]

    def _end(self) -> None:
        if self._part == "text":
            try:
                self._form.text = self._text.decode()
            except UnicodeDecodeError as error:
                raise unusable(f"the text is not UTF-8 (byte {error.start})") from error
        elif not os.fstat(self._form.files[self._part]).st_size:
            raise unusable(f"the part `{self._part}` is empty")


async def _chunks(request: Request, limits: Limits) -> AsyncIterator[bytes]:
    """Yields the body; raises Refusal if it stalls, takes too long or breaks off."""
    stream = request.stream().__aiter__()
    end_s = anyio.current_time() + limits.upload_s
    while True:
        left_s = end_s - anyio.current_time()
        try:
            with anyio.fail_after(min(limits.stall_s, left_s)):
                chunk = await anext(stream)
        except StopAsyncIteration:
            return
        except TimeoutError:
            reason = f"nothing arrived for {limits.stall_s:g} s; send it again"
            if left_s <= limits.stall_s:
                reason = f"not received within {limits.upload_s:g} s; make it smaller"
            raise Refusal(HTTPStatus.REQUEST_TIMEOUT, reason, {"Connection": "close"}) from None
        except ClientDisconnect:
            raise broken_off() from None
        yield chunk


def _check_length(request: Request, most: int) -> None:
    """Refuses a body that announces too many bytes before any of it is received."""
    length = request.headers.get("content-length", "0")
    if length.isdecimal() and int(length) > most:
        raise too_large(_too_many_bytes(most))


def _too_many_bytes(most: int) -> str:
    return f"more than {most / 1e6:g} MB; make it smaller or shorter"


def shown(name: str) -> str:
    """Returns a name that others gave, fit to be shown: its end, without control characters."""
    name = name.replace("\\", "/").rpartition("/")[2]
    return "".join(one if one.isprintable() else "?" for one in name)[-80:]
