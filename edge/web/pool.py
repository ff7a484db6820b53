"""Hands work to worker processes: a bounded number at once."""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any

import anyio
from anyio import CapacityLimiter, Lock, from_thread, to_thread

from edge.config import Config
from edge.web.errors import Refusal, busy
from edge.web.process import Report, Worker
from edge.web.settings import Limits

IDLE_S = 60.0
"""A worker without work for this long is ended, so that an idle server is small."""
LIVE_S = 20.0
"""Time that one picture, sound or text of a live page may take."""


class Pool:
    """The workers of a server: some for files, one for all live pages."""

    def __init__(self, config: Config, limits: Limits) -> None:
        self._limits = limits
        self._idle = [Worker(config, limits) for _ in range(limits.workers)]
        self._all = list(self._idle)
        self._live = Worker(config, limits)
        self._live_lock = Lock()
        self._turns = CapacityLimiter(limits.workers)
        self._threads = CapacityLimiter(limits.workers + 1)
        self.busy = 0
        """Requests that hold a seat, those that wait included."""

    @asynccontextmanager
    async def seat(self) -> AsyncIterator[None]:
        """Admits one request, from its first byte to its answer; raises Refusal if all are taken.

        So much memory is taken by uploads at most, however many arrive.
        """
        seats = self._limits.workers + self._limits.waiting
        if self.busy >= seats:
            raise busy(f"{seats} requests are being read already; try again in a moment")
        self.busy += 1
        try:
            yield
        finally:
            self.busy -= 1

    async def run(
        self,
        name: str,
        arguments: Mapping[str, Any],
        files: Mapping[str, int],
        report: Report = lambda share: None,
    ) -> bytes:
        """Runs a job in a free worker, after those that came before; raises Refusal."""
        async with self._turns:
            worker = self._idle.pop()
            try:
                answer = await self._call(worker, name, arguments, files, report)
            finally:
                self._idle.append(worker)
        return answer

    async def live(self, name: str, **arguments: Any) -> bytes:
        """Runs a job of a live page; raises Refusal."""
        async with self._live_lock:
            return await self._call(self._live, name, arguments, {}, lambda share: None)

    async def end_live(self, session: str) -> None:
        """Forgets a live page, unless the process that followed it has ended."""
        if self._live.pid is not None:
            with suppress(Refusal):
                await self.live("live_end", session=session)

    async def _call(
        self,
        worker: Worker,
        name: str,
        arguments: Mapping[str, Any],
        files: Mapping[str, int],
        report: Report,
    ) -> bytes:
        limit_s = self._limits.work_s if worker is not self._live else LIVE_S

        def call() -> bytes:
            def reported(content: Any) -> None:
                from_thread.run_sync(report, content)

            return worker.call(name, arguments, files, limit_s, reported)

        answer = asyncio.ensure_future(to_thread.run_sync(call, limiter=self._threads))
        try:
            return await asyncio.shield(answer)
        except asyncio.CancelledError:  # the one who asked has left
            worker.end()
            with anyio.CancelScope(shield=True):
                await asyncio.wait([answer])
            with suppress(Refusal):
                answer.result()
            raise

    async def end_idle(self) -> None:
        """Ends workers that have nothing to do, forever."""
        while True:
            await anyio.sleep(IDLE_S / 4)
            self.stop_unused(time.monotonic() - IDLE_S)

    def stop_unused(self, since_s: float) -> None:
        """Ends the workers that were not used since a time of the monotonic clock."""
        idle = [*self._idle] if self._live_lock.locked() else [*self._idle, self._live]
        for worker in idle:
            if worker.used_s < since_s:
                worker.stop()

    @property
    def pids(self) -> list[int]:
        """Process ids of all workers that run."""
        return [one.pid for one in (*self._all, self._live) if one.pid is not None]

    def stop(self) -> None:
        """Ends all workers."""
        for worker in (*self._all, self._live):
            worker.stop()
