"""From the start of the process through changes of its configuration to its end."""

import logging
import queue
import signal
import threading
from collections.abc import Callable

from edge.clock import Clock
from edge.config import Config
from edge.errors import ConfigError, describe
from edge.service.daemon import Daemon
from edge.service.watchdog import Watchdog

logger = logging.getLogger(__name__)

TAKEOVER_S = 2.0
"""For devices to be closed before the next daemon opens them."""
SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


class Lifecycle:
    """Runs a daemon until SIGTERM or SIGINT; upon SIGHUP another takes over, in the same process.

    `load` gives the configuration as it is now. One that is at fault is told of and changes
    nothing. Raises ConfigError where the first one is.
    """

    def __init__(self, load: Callable[[], Config], clock: Clock | None = None) -> None:
        self._load, self._clock = load, clock or Clock()
        self._watchdog = Watchdog(self._clock)
        # SimpleQueue may be put to by a signal handler that interrupts anything.
        self._received: queue.SimpleQueue[int] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._ending = False
        self._current = self._new_daemon()
        self._next: Daemon | None = None

    def run(self) -> None:
        """Lives; to be called by the main thread, which alone may handle signals."""
        for number in SIGNALS:
            signal.signal(number, lambda number, _: self._received.put(number))
        threading.Thread(target=self._obey, name="signals", daemon=True).start()
        while True:
            self._current.run()
            with self._lock:
                if self._ending or self._next is None:
                    return
                self._next.keep_pause_of(self._current)
                self._current, self._next = self._next, None

    def _obey(self) -> None:
        while not self._ending:
            if self._received.get() == signal.SIGHUP:
                self._reload()
            else:
                self._end()

    def _end(self) -> None:
        self._watchdog.stopping()
        with self._lock:
            self._ending = True
            self._current.stop()

    def _reload(self) -> None:
        try:
            following = self._new_daemon()
        except ConfigError as error:
            logger.error("not reloaded, all goes on as before: %s", error)
            return
        except Exception as error:  # the rim of the thread: a stop must be obeyed after it
            logger.error("not reloaded, all goes on as before: failed with %s", describe(error))
            return
        logger.info("reloading: everything begins anew with the configuration as it is now")
        self._watchdog.reloading()
        with self._lock:
            self._next = following
            self._current.stop(TAKEOVER_S)

    def _new_daemon(self) -> Daemon:
        return Daemon(self._load(), self._watchdog, self._clock)
