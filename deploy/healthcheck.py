"""Whether a daemon is well, as its subscribers see it; for a container's HEALTHCHECK.

usage: healthcheck.py CONFIG. Exit code 0 if the broker has the device as online and a new state
comes within one heartbeat; else 1. A sentence says what was found.
"""

import math
import sys
from pathlib import Path

from edge.commands.doctor.broker import visit_broker
from edge.commands.doctor.report import BROKER_PATIENCE_S
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
    visit = visit_broker(config.mqtt, BROKER_PATIENCE_S, math.inf)
    print((visit.session if visit.session.verdict == "fail" else visit.daemon).found)
    return int(not visit.well)


if __name__ == "__main__":
    raise SystemExit(main())
