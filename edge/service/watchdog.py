"""Notifies systemd that the service is ready, alive or stopping (sd_notify(3))."""

import logging
import os
import socket
import time

from edge.clock import Clock

logger = logging.getLogger(__name__)


class Watchdog:
    """Writes to the socket in NOTIFY_SOCKET; does nothing without one.

    `alive` pings every half of WATCHDOG_USEC, however often it is called, and not before `ready`:
    a start may take longer than that, and the first ping would end this allowance.
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
        """The service, alive until now, reloads its configuration."""
        now_us = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
        self._send(f"RELOADING=1\nMONOTONIC_USEC={now_us}")
        self._ping()

    def stopping(self) -> None:
        """The service is shutting down."""
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
                logger.warning("cannot notify systemd of %s (%s)", state, error)
