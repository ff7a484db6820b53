"""Counts events that are lost in outages: `python benchmarks/outages.py` (about 3 minutes).

While a process publishes 20 events a second, mosquitto is killed without warning 50 times at random
moments, and the publishing process 10 times. Every event that was on disk or acknowledged must
arrive at a subscriber, in order, and once by `id` and `sequence`.

With `--clock-steps 20` the publisher's clock is set as often, by seconds to years, forwards and
back. With `--flips`, one bit of the spool changes at each kill of the publisher, which may cost the
event that it hits. With `--unseen`, the broker is also killed just after it has acknowledged an
event, before the subscriber has it; mosquitto loses such events.
"""

import argparse
import tempfile
from pathlib import Path

from benchmarks.harness.mosquitto import Mosquitto
from benchmarks.harness.outages import Faults, endure
from edge.commands.terminal import table


def main() -> None:
    """Runs the outages that the options ask for, and prints the outcome."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--broker-kills", type=int, default=50)
    parser.add_argument("--sender-kills", type=int, default=10)
    parser.add_argument("--clock-steps", type=int, default=0)
    parser.add_argument("--flips", action="store_true")
    parser.add_argument("--unseen", action="store_true")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        broker = Mosquitto(folder, "max_inflight_messages 0")
        broker.start()
        try:
            outcome = endure(
                broker,
                folder / "state",
                Faults(
                    arguments.broker_kills,
                    arguments.sender_kills,
                    arguments.clock_steps,
                    arguments.flips,
                    arguments.unseen,
                ),
                arguments.seed,
            )
        finally:
            broker.kill()
    rows = [
        ("kills of the broker", str(arguments.broker_kills)),
        ("kills of the publisher", str(arguments.sender_kills)),
        ("steps of its clock", str(arguments.clock_steps)),
        ("flipped bits of its spool", str(arguments.flips * arguments.sender_kills)),
        ("events that were safe", str(outcome.expected)),
        ("of these, missing", str(len(outcome.missing))),
        ("delivered again", str(outcome.repeated)),
        ("marked as replayed", str(outcome.replayed)),
        ("first deliveries in order", "yes" if outcome.in_order else "no"),
    ]
    print(table(("", "count"), rows))


if __name__ == "__main__":
    main()
