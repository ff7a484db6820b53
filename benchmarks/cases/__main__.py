"""Runs a folder of cases, files with what is right for each, and prints a table.

python -m benchmarks.cases FOLDER [--right FILE]

FILE, by default cases.yaml in the folder, is a list of mappings with the keys `file`, within the
folder; `right`, an alternative or a list of them; `check`, one of CHECKS, by default `predict`; and
`what`, for people. A check finds facts such as `face=happy`, `error=…` or `exit=1`. An alternative
is one or more patterns of facts, as for a shell, with ` & ` between them; `no ` in front of one
means that no fact is like it. A traceback or a signal is never right.
"""

import argparse
import fnmatch
import logging
import tempfile
import time
from pathlib import Path
from typing import Any

import msgspec
import yaml

from benchmarks.cases.checks import CHECKS, Facts
from edge.errors import EmotiondError

SHOWN_CHARACTERS = 70


class Case(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A file, and what is right for it."""

    file: str
    right: str | list[str]
    check: str = "predict"
    what: str = ""

    def is_right(self, facts: Facts) -> bool:
        """Returns True if one of the alternatives holds."""
        alternatives = [self.right] if isinstance(self.right, str) else self.right
        return "traceback" not in facts and any(
            all(_holds(term.strip(), facts) for term in one.split(" & ")) for one in alternatives
        )


def _holds(term: str, facts: Facts) -> bool:
    pattern = term.removeprefix("no ")
    return any(fnmatch.fnmatchcase(fact, pattern) for fact in facts) == (pattern == term)


class _Logged(logging.Handler):
    """Keeps the warnings of checks that run in this process."""

    def __init__(self, facts: Facts) -> None:
        super().__init__(logging.WARNING)
        self._facts = facts

    def emit(self, record: logging.LogRecord) -> None:
        self._facts.append(f"says={record.getMessage()}")


def facts_of(case: Case, root: Path) -> Facts:
    """Runs the check of a case; returns the facts, of which an error that ends it is one."""
    facts: Facts = []
    handler = _Logged(facts)
    logging.getLogger().addHandler(handler)
    try:
        with tempfile.TemporaryDirectory() as folder:
            facts += CHECKS[case.check](root / case.file, Path(folder))
    except EmotiondError as error:
        facts.append(f"error={error}")
    except Exception as error:
        facts += ["traceback", f"error={type(error).__name__}: {error}"]
    finally:
        logging.getLogger().removeHandler(handler)
    return facts


def main(arguments: list[str] | None = None) -> int:
    """Prints the table; returns the exit code, 0 if all is right."""
    parser = argparse.ArgumentParser(prog="benchmarks.cases", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--right", type=Path, help="what is right (FOLDER/cases.yaml)")
    given = parser.parse_args(arguments)
    content: Any = yaml.safe_load((given.right or given.folder / "cases.yaml").read_text())
    cases = msgspec.convert(content, list[Case])
    right = 0
    print("| file | check | right | found | seconds |\n|---|---|---|---|---|")
    for case in cases:
        started_s = time.monotonic()
        facts = facts_of(case, given.folder)
        is_right = case.is_right(facts)
        right += is_right
        found = ", ".join(one for one in facts if not one.startswith("fused"))
        shown = found if not is_right else found[:SHOWN_CHARACTERS]
        shown = shown.encode("utf-8", "replace").decode().replace("|", "/").replace("\n", " ")
        took_s = time.monotonic() - started_s
        print(
            f"| {case.file} | {case.check} | {'yes' if is_right else '**no**'} | {shown} "
            f"| {took_s:.1f} |",
            flush=True,
        )
    print(f"\n{right} of {len(cases)} right")
    return 0 if right == len(cases) else 1


if __name__ == "__main__":
    raise SystemExit(main())
