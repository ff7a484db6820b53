"""`scripts/fuzz`: feeds broken inputs to all that reads what others wrote.

Every input is made from the seed and its number, so it can be made again. They are read in child
processes: a signal, an exception that is not promised, too much time or too much memory is a
finding, whose input is kept.
"""

import argparse
import sys
from pathlib import Path

from benchmarks.fuzzing.runner import Finding, Run, fuzz
from benchmarks.fuzzing.targets import TARGETS

KEPT = Path("build/fuzz")


def main() -> int:
    """Runs the targets; returns 1 if there is a finding."""
    parser = argparse.ArgumentParser(prog="scripts/fuzz", description=__doc__)
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=f"of {', '.join(TARGETS)}")
    parser.add_argument("--cheap", type=int, default=20_000, help="inputs of cheap targets")
    parser.add_argument("--costly", type=int, default=1_000, help="inputs of costly targets")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    chosen = options.targets or list(TARGETS)
    if unknown := [name for name in chosen if name not in TARGETS]:
        parser.error(f"no target is called {unknown[0]}; known: {', '.join(TARGETS)}")
    findings: list[Finding] = []
    print("target     inputs   refused  findings  slowest ms  most MB")
    for name in chosen:
        target = TARGETS[name]
        alike = [TARGETS[one].share for one in chosen if TARGETS[one].is_costly == target.is_costly]
        wanted = options.costly if target.is_costly else options.cheap
        run = fuzz(name, target, round(wanted * target.share / sum(alike)), options.seed)
        _print(name, run)
        findings += run.findings
    for finding in findings:
        path = KEPT / finding.target / f"{options.seed}-{finding.number}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(finding.data)
        print(f"{finding.target} {finding.number}: {finding.reason}; kept as {path}")
    return 1 if findings else 0


def _print(name: str, run: Run) -> None:
    print(
        f"{name:9} {run.inputs:8,} {run.refused:8,} {len(run.findings):9} "
        f"{run.slowest_s * 1000:11.0f} {run.most_mb:8.0f}",
        flush=True,
    )


if __name__ == "__main__":
    sys.exit(main())
