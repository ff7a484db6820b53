"""Links, anchors and paths in the documents lead somewhere, and the README fits a screen or two."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FOLDERS = ("docs", "models", "examples", "deploy", "samples", "benchmarks/reports")
PAGES = sorted(
    [*ROOT.glob("*.md"), *(page for one in FOLDERS for page in (ROOT / one).rglob("*.md"))]
)
MAX_README_LINES = 120

FENCED = re.compile(r"^```.*?^```", re.M | re.S)
CODE = re.compile(r"`[^`\n]+`")
LINK = re.compile(r"\]\(([^()\s]+)\)")
HEADING = re.compile(r"^#{1,6} (.+)$", re.M)
PATH = re.compile(
    r"(?<![\w/.:$-])(?:benchmarks|configs|converter|deploy|docs|edge|emotiond|examples|models|requirements"
    r"|samples|scripts|systemd|tests)/[\w./-]*\w"
)
NAME = re.compile(r"`([A-Z]\w+(?:\.\w+)*)`")
"""Classes and constants, with or without one of their attributes."""


def prose(page: Path) -> str:
    """The text of a page without fenced code."""
    return FENCED.sub("", page.read_text(encoding="utf-8"))


def anchors(page: Path) -> set[str]:
    """The anchors that GitHub gives to the headings of a page."""
    found: set[str] = set()
    for heading in HEADING.findall(prose(page)):
        slug = re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")
        count = 0
        while (anchor := f"{slug}-{count}" if count else slug) in found:
            count += 1
        found.add(anchor)
    return found


def links(page: Path) -> Iterator[str]:
    """The targets of a page's relative links and pictures."""
    for target in LINK.findall(CODE.sub("", prose(page))):
        if not re.match(r"[a-z]+:", target):
            yield target


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_relative_link_and_anchor_resolves(page: Path) -> None:
    for link in links(page):
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        assert target.exists(), f"{link}: there is no such file"
        assert target.is_relative_to(ROOT), f"{link}: outside the repository"
        if anchor:
            assert anchor in anchors(target), f"{link}: there is no such heading"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_path_that_a_page_names_exists(page: Path) -> None:
    named = PATH.findall(page.read_text(encoding="utf-8"))
    assert not [path for path in named if "NAME" not in path and not (ROOT / path).exists()]


def test_the_names_in_the_page_on_architecture_are_those_of_the_code() -> None:
    files = [
        file for one in ("edge", "emotiond", "converter") for file in (ROOT / one).rglob("*.py")
    ]
    words = set(re.findall(r"\w+", "\n".join(file.read_text(encoding="utf-8") for file in files)))
    named = NAME.findall(prose(ROOT / "docs" / "architecture.md"))
    assert len(named) > 50
    assert not [name for name in named if not set(name.split(".")) <= words]


def test_the_index_lists_every_page_for_readers() -> None:
    index = ROOT / "docs" / "index.md"
    listed = {(index.parent / link.partition("#")[0]).resolve() for link in links(index)}
    assert {*(ROOT / "docs").glob("*.md"), *ROOT.glob("*.md")} - {index} <= listed


def test_the_readme_is_short_and_starts_with_its_two_commands() -> None:
    lines = (ROOT / "README.md").read_text(encoding="utf-8").splitlines()
    assert len(lines) <= MAX_README_LINES
    commands = [line.split("#")[0].strip() for line in lines if line.startswith("    ")][:2]
    assert commands == ["./install.sh demo", "./install.sh test"]


def test_pictures_load_nothing_from_elsewhere() -> None:
    for picture in (ROOT / "docs").rglob("*.svg"):
        text = picture.read_text(encoding="utf-8").replace('xmlns="http://www.w3.org/2000/svg"', "")
        assert not re.search(r"https?:|url\(|@import|<script|<image|href=", text), picture
