"""Refusals of `emotiond serve`, each with its HTTP status."""

from collections.abc import Mapping
from http import HTTPStatus

from edge.errors import EmotiondError


class Refusal(EmotiondError):  # noqa: N818 - an answer, with a status
    """A request that is not answered; the text says why, and what to do."""

    def __init__(
        self, status: HTTPStatus, reason: str, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(reason)
        self.status, self.headers = status, dict(headers or {})


def too_large(reason: str) -> Refusal:
    """Returns 413."""
    return Refusal(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, reason)


def wrong_type(reason: str) -> Refusal:
    """Returns 415."""
    return Refusal(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, reason)


def unusable(reason: str) -> Refusal:
    """Returns 422: understood, but there is nothing to read in it."""
    return Refusal(HTTPStatus.UNPROCESSABLE_ENTITY, reason)


def broken_off() -> Refusal:
    """Returns the answer to somebody who has left."""
    return unusable("the request broke off")


def busy(reason: str, retry_after_s: int = 2) -> Refusal:
    """Returns 429."""
    return Refusal(HTTPStatus.TOO_MANY_REQUESTS, reason, {"Retry-After": str(retry_after_s)})
