"""The process behind the server that decodes and reads what others send.

A file that crashes, blocks or fills a decoder ends this process and no other. It takes calls from
its socket, one at a time: a name, arguments, and files as descriptors of memory; it answers with
JSON.
"""

import contextlib
import os
import resource
import signal
import sys
from collections.abc import Callable
from multiprocessing.connection import Connection
from multiprocessing.reduction import recv_handle
from pathlib import Path
from typing import Any

Call = tuple[str, dict[str, Any], tuple[str, ...]]
"""Name of a job, its arguments, and the names of the files that follow as descriptors."""


def main() -> int:
    """Serves calls on the socket whose descriptor is the first argument, until it is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the server, which ends this one
    connection = Connection(int(sys.argv[1]))
    config, max_pixels, max_seconds, memory_bytes = connection.recv()
    unbounded = ""
    try:
        resource.setrlimit(resource.RLIMIT_DATA, (memory_bytes, memory_bytes))
    except (OSError, ValueError) as error:  # a sandbox may forbid it
        unbounded = str(error)
    os.environ["OPENCV_IO_MAX_IMAGE_PIXELS"] = str(max_pixels)  # is read once, on import
    from edge.errors import EmotiondError, ModelError, describe
    from edge.web.jobs import Jobs, for_uploader

    jobs = Jobs(config, max_pixels, max_seconds)
    connection.send(("ready", unbounded))
    with contextlib.suppress(EOFError, OSError):
        while True:
            name, arguments, files = connection.recv()
            descriptors = [recv_handle(connection) for _ in files]
            try:
                paths = dict(zip(files, map(_path, descriptors), strict=True))
                answer = getattr(jobs, name)(**arguments, **paths, progress=_reporter(connection))
                connection.send(("done", answer))
            except ModelError as error:
                connection.send(("failed", str(error)))
            except EmotiondError as error:
                connection.send(("refused", for_uploader(str(error))))
            except MemoryError:
                connection.send(("refused", "it needs more memory than one file may take"))
            except Exception as error:
                connection.send(("broken", describe(error)))
            finally:
                for descriptor in descriptors:
                    os.close(descriptor)
    return 0


def _path(descriptor: int) -> Path:
    return Path(f"/proc/self/fd/{descriptor}")


def _reporter(connection: Connection) -> Callable[[object], None]:
    """Returns what a job calls with its progress, or with whatever else it streams."""
    return lambda content: connection.send(("progress", content))


if __name__ == "__main__":
    raise SystemExit(main())
