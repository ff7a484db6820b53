"""An MQTT broker inside this process, on a free port of the loopback interface."""

import asyncio
import logging
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import TimeoutError as FutureTimeoutError
from contextlib import contextmanager

from edge.errors import EmotiondError

HOST = "127.0.0.1"
START_TIMEOUT_S = 10.0


@contextmanager
def embedded_broker() -> Iterator[int]:
    """Runs amqtt for the length of a `with` block; yields its port.

    Raises EmotiondError if the extra `demo` is not installed or the broker does not start.
    """
    try:
        from amqtt.broker import Broker
        from amqtt.errors import AMQTTError
    except ImportError:
        raise EmotiondError("the embedded broker is missing; install `emotiond[demo]`") from None
    for name in ("amqtt", "transitions"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    port = free_port()
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="broker", daemon=True)
    thread.start()

    async def start() -> Broker:
        broker = Broker(
            {
                "listeners": {"default": {"type": "tcp", "bind": f"{HOST}:{port}"}},
                "plugins": {
                    "amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}
                },
            }
        )
        await broker.start()
        return broker

    try:
        try:
            broker = asyncio.run_coroutine_threadsafe(start(), loop).result(START_TIMEOUT_S)
        except (AMQTTError, FutureTimeoutError) as error:
            raise EmotiondError(f"the embedded broker did not start ({error})") from error
        try:
            yield port
        finally:
            asyncio.run_coroutine_threadsafe(broker.shutdown(), loop).result(START_TIMEOUT_S)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(START_TIMEOUT_S)


def free_port() -> int:
    """Returns an unused TCP port of the loopback interface."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])
