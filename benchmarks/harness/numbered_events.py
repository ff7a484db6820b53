"""Publishes numbered events as a daemon would, from a process that others kill.

`python -m benchmarks.harness.numbered_events PORT FOLDER FIRST RATE` publishes RATE of them a
second. After each, it prints the next number, the number up to which its own events are safe (on
disk, or acknowledged by the broker), and that up to which they are acknowledged.
"""

import sys
import time
from pathlib import Path

from edge.clock import Clock
from edge.commands.demo.broker import HOST
from edge.config import Backoff, Mqtt, SpoolLimits
from edge.publish.composer import Composer
from edge.publish.publisher import Publisher
from edge.tracking.episodes import Change, State

RATE_PER_S = 20.0
DEVICE = "kiosk"


def clock_of(state_folder: Path) -> Path:
    """Returns the file that sets the publisher's clock."""
    return state_folder.with_name("clock")


def publish(port: int, folder: Path, first: int, rate_per_s: float) -> None:
    """Publishes events until the process is killed."""
    config = Mqtt(
        host=HOST,
        port=port,
        device=DEVICE,
        reconnect=Backoff(shortest_s=0.2, longest_s=1.0),
        spool=SpoolLimits(write_interval_s=RATE_PER_S / rate_per_s, replay_per_s=1000),
    )
    clock = SetClock(clock_of(folder))
    composer = Composer(f"emotion/{DEVICE}", clock)
    publisher = Publisher(config, None, folder, clock)
    unknown = publisher.delivery
    publisher.start()
    while publisher.delivery is unknown:  # the spool is being read
        time.sleep(0.01)
    before = publisher.delivery.acknowledged + publisher.delivery.waiting
    number = first
    while True:
        state = State("unknown", None, 0, 0, clock.now_s())
        publisher.publish(composer.event(Change(str(number), 0, "start", state, 0.0)))
        number += 1
        time.sleep(1 / rate_per_s)
        delivery = publisher.delivery
        safe = delivery.acknowledged + delivery.waiting - delivery.unwritten - before
        print(number, first + safe, first + max(delivery.acknowledged - before, 0), flush=True)


class SetClock(Clock):
    """A clock whose wall time another process sets, through a file.

    The daemon takes all times from its clock, so no other part of the process needs to know.
    """

    def __init__(self, file: Path) -> None:
        self._file = file

    def wall_s(self) -> float:
        """Returns the time as it was set."""
        return super().wall_s() + float(self._file.read_text())

    @classmethod
    def set(cls, file: Path, ahead_s: float) -> None:
        """Sets it to so many seconds ahead of the true time."""
        new = file.with_suffix(".new")
        new.write_text(str(ahead_s))
        new.replace(file)


if __name__ == "__main__":
    publish(int(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4]))
