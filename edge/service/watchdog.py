"""Tells systemd how the service is: ready, alive, stopping (sd_notify(3))."""

import logging
import os
import socket
import time

from edge.clock import Clock

logger = logging.getLogger(__name__)


class Watchdog:
    """Speaks to the socket in NOTIFY_SOCKET; without one, does nothing.

    `alive` pings at half of WATCHDOG_USEC however often it is called, and not before `ready`: the
    time allowed for a start is longer, but the first ping would end it.
    """

    def __init__(self, clock: Clock) -> None:
        address = os.environ.get("NOTIFY_SOCKET", "")
        self._address = "\0" + address[1:] if address.startswith("@") else address
        self._clock = clock
        timeout_us = os.environ.get("WATCHDOG_USEC", "")
        self._interval_s = int(timeout_us) / 1e6 / 2 if timeout_us.isdigit() else 0.0
        self._last_s = clock.now_s()
        self._is_watched = False

    def ready(self) -> None:
        """The service has started."""
        self._send("READY=1")
        self._is_watched = True

    def alive(self) -> None:
        """The service makes progress."""
        if self._clock.now_s() - self._last_s >= self._interval_s:
            self._ping()

    def reloading(self) -> None:
        """The service, which was alive until now, takes up a new configuration."""
        now_us = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
        self._send(f"RELOADING=1\nMONOTONIC_USEC={now_us}")
        self._ping()

    def stopping(self) -> None:
        """The service has been told to stop."""
        self._send("STOPPING=1")

    def _ping(self) -> None:
        if self._is_watched and self._interval_s:
            self._last_s = self._clock.now_s()
            self._send("WATCHDOG=1")

    def _send(self, state: str) -> None:
        if not self._address:
            return
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as notify:
            try:
                notify.sendto(state.encode(), self._address)
            except OSError as error:
                logger.warning("systemd cannot be told %s (%s)", state, error)
