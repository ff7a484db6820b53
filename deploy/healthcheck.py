#!/usr/bin/env python3
"""Checks a daemon's health as its subscribers see it; for a container's HEALTHCHECK.

usage: healthcheck.py CONFIG. Exit code 0 if the broker shows the device as online and a new state
arrives within one heartbeat; else 1. Prints one sentence with the result.
"""

import math
import sys
from pathlib import Path

from edge.commands.doctor.broker import probe_broker
from edge.commands.doctor.report import BROKER_TIMEOUT_S
from edge.configfile import load_config
from edge.errors import ConfigError


def main() -> int:
    """Returns the exit code."""
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
