"""Lifecycle of the process: start, reload of the configuration, stop."""

import gc
import logging
import queue
import signal
import threading
from collections.abc import Callable

from edge.clock import Clock
from edge.config import Config
from edge.errors import ConfigError, describe
from edge.heaps import release_heaps
from edge.logs import set_level
from edge.resources import state_folder
from edge.service.daemon import Daemon
from edge.service.watchdog import Watchdog
from edge.state_lock import StateLocks

logger = logging.getLogger(__name__)

TAKEOVER_S = 2.0
"""Time for devices to close before the next daemon opens them."""
SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


class Lifecycle:
    """Runs a daemon until SIGTERM or SIGINT; on SIGHUP a new one takes over in this process.

    `load` returns the current configuration. A faulty one is logged and changes nothing on a
    reload; at the start it raises ConfigError. `received` has the signals that came before.
    """

    def __init__(
        self,
        load: Callable[[], Config],
        clock: Clock | None = None,
        received: "queue.SimpleQueue[int] | None" = None,
    ) -> None:
        self._load, self._clock = load, clock or Clock()
        self._watchdog, self._locks = Watchdog(self._clock), StateLocks()
        # SimpleQueue.put is safe in a signal handler.
        self._received: queue.SimpleQueue[int] = received or queue.SimpleQueue()
        self._lock = threading.Lock()
        self._stopping = False
        self._current = self._new_daemon()
        self._next: Daemon | None = None

    def run(self) -> None:
        """Runs until stopped; only the main thread may call this, because of the signals."""
        for number in SIGNALS:
            signal.signal(number, lambda number, _: self._received.put(number))
        threading.Thread(target=self._handle_signals, name="signals", daemon=True).start()
        while True:
            self._current.run()
            with self._lock:
                if self._stopping or self._next is None:
                    return
                self._next.copy_pause(self._current)
                self._current, self._next = self._next, None
            gc.collect()  # parts of a daemon refer to each other: its models would stay in memory
            release_heaps()

    def _handle_signals(self) -> None:
        while not self._stopping:
            if self._received.get() == signal.SIGHUP:
                self._reload()
            else:
                self._stop()

    def _stop(self) -> None:
        self._watchdog.stopping()
        with self._lock:
            self._stopping = True
            self._current.stop()

    def _reload(self) -> None:
        try:
            successor = self._new_daemon()
        except ConfigError as error:
            logger.error("not reloaded, the old configuration stays in use: %s", error)
            return
        except Exception as error:  # outermost frame of the thread: it must still handle a stop
            logger.error(
                "not reloaded, the old configuration stays in use: failed with %s", describe(error)
            )
            return
        logger.info("reloading: restarting with the new configuration")
        self._watchdog.reloading()
        with self._lock:
            self._next = successor
            self._current.stop(TAKEOVER_S)

    def _new_daemon(self) -> Daemon:
        config = self._load()
        self._locks.take(state_folder(config.state_folder))
        set_level(config.log.level)
        return Daemon(
            config, self._watchdog, self._clock, lambda: self._received.put(signal.SIGHUP)
        )
