"""The lock files in requirements/ are complete and fit pyproject.toml."""

import re
import sys
from collections import defaultdict
from importlib import import_module
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

tomllib = import_module("tomllib" if sys.version_info >= (3, 11) else "tomli")
ROOT = Path(__file__).parents[2]
PYPROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())
PROJECT = PYPROJECT["project"]
EXTRAS = PROJECT["optional-dependencies"]
DEPENDENCIES = {
    "build": PYPROJECT["build-system"]["requires"] + PYPROJECT["dependency-groups"]["build"],
    "device": PROJECT["dependencies"],
    "demo": PROJECT["dependencies"] + EXTRAS["demo"],
    "dev": PROJECT["dependencies"] + EXTRAS["dev"],
}
PYTHONS = ["3.10", "3.11", "3.12", "3.13", "3.14"]
HASH = re.compile(r"--hash=sha256:[0-9a-f]{64}")


def text_of(lock: str) -> str:
    return (ROOT / "requirements" / f"{lock}.txt").read_text()


def locked(lock: str) -> dict[Requirement, list[str]]:
    """Returns what a lock file requires, each with its hashes."""
    text = re.sub(r"^#.*\n", "", text_of(lock), flags=re.M).replace("\\\n", "")
    entries = {}
    for line in text.splitlines():
        requirement, *hashes = re.split(r"\s+(?=--)", line)
        entries[Requirement(requirement)] = hashes
    return entries


def versions(lock: str, python: str) -> dict[str, list[Version]]:
    """Returns the versions that a lock file gives each package with one Python on Linux."""
    environment = {
        "python_version": python,
        "python_full_version": f"{python}.0",
        "sys_platform": "linux",
    }
    found: dict[str, list[Version]] = defaultdict(list)
    for entry in locked(lock):
        if entry.marker is None or entry.marker.evaluate(environment):
            [pin] = entry.specifier
            assert pin.operator == "=="
            found[canonicalize_name(entry.name)].append(Version(pin.version))
    return found


def required(dependencies: list[str]) -> list[Requirement]:
    """Returns the requirements, with the project's own extras resolved."""
    found = []
    for requirement in map(Requirement, dependencies):
        if requirement.name == PROJECT["name"]:
            for extra in requirement.extras:
                found += required(EXTRAS[extra])
        else:
            found.append(requirement)
    return found


@pytest.mark.parametrize("lock", DEPENDENCIES)
@pytest.mark.parametrize("python", PYTHONS)
def test_every_dependency_is_locked_to_one_version_that_pyproject_allows(
    lock: str, python: str
) -> None:
    found = versions(lock, python)
    for requirement in required(DEPENDENCIES[lock]):
        pins = found[canonicalize_name(requirement.name)]
        assert len(pins) == 1, f"{requirement} in requirements/{lock}.txt: run scripts/lock"
        assert pins[0] in requirement.specifier, f"{requirement} is {pins[0]}: run scripts/lock"


@pytest.mark.parametrize("python", PYTHONS)
def test_all_lock_files_give_a_package_the_same_version(python: str) -> None:
    dev = versions("dev", python)
    for lock in ("build", "demo", "device"):
        found = versions(lock, python)
        assert {name: pins for name, pins in found.items() if dev.get(name, pins) != pins} == {}


@pytest.mark.parametrize("lock", DEPENDENCIES)
def test_every_locked_version_has_hashes(lock: str) -> None:
    for requirement, hashes in locked(lock).items():
        assert hashes, requirement
        assert all(HASH.fullmatch(one) for one in hashes), requirement


@pytest.mark.parametrize("lock", DEPENDENCIES)
def test_a_lock_file_names_no_index(lock: str) -> None:
    assert "://" not in text_of(lock)
    assert not re.search(r"^\s*-(?!-hash=)", text_of(lock), re.M)


def test_no_package_that_is_installed_with_it_has_its_import_names() -> None:
    owners = packages_distributions()
    for name in ("edge", "emotiond", "converter"):
        assert set(owners.get(name, ["emotiond"])) == {"emotiond"}
