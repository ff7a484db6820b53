"""Whether a daemon is healthy, as its subscribers see it; for a container's HEALTHCHECK.

usage: healthcheck.py CONFIG. Exit code 0 if the broker has the device as online and a new state
comes within one heartbeat; else 1. A sentence says what was found.
"""

import math
import sys
from pathlib import Path

from edge.commands.doctor.broker import probe_broker
from edge.commands.doctor.report import BROKER_TIMEOUT_S
from edge.configfile import load_config
from edge.errors import ConfigError


def main() -> int:
    """Gives the exit code."""
    if len(sys.argv) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    try:
        config = load_config(Path(sys.argv[1]))
    except ConfigError as error:
        print(error)
        return 1
    report = probe_broker(config.mqtt, BROKER_TIMEOUT_S, math.inf)
    print((report.session if report.session.verdict == "fail" else report.daemon).found)
    return int(not report.healthy)


if __name__ == "__main__":
    raise SystemExit(main())
