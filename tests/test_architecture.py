"""The layers of the code, read from its imports."""

import ast
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FLOW = {"capture", "perception", "fusion", "tracking", "publish"}
"""The rooms that data pass through; capture, perception and fusion share only values."""
MAY_IMPORT = {
    "capture": set(),
    "perception": set(),
    "fusion": set(),
    "tracking": {"fusion"},
    "publish": {"tracking"},
    "updates": {"perception", "fusion"},
    "commands": FLOW | {"updates"},
    "service": FLOW | {"updates"},
    "web": FLOW,
    "cli": {"publish", "commands", "service", "web"},
}
"""The other rooms of edge/ that a room may import; modules at its root import none."""
SERVES_ALL = {"config"}
"""Folders of edge/ that are like the modules at its root: every room may import them."""
API_STANDS_ON = FLOW - {"publish"}
"""The rooms that the Python API, the package emotiond, may import."""
USES_THE_API = {"commands", "web"}
"""The rooms of edge/ that may import the Python API: never the daemon, nor what it stands on."""
NEVER_IMPORTS = {
    "edge": {"converter", "benchmarks", "tests"},
    "emotiond": {"converter", "benchmarks", "tests"},
    "converter": {"benchmarks", "tests"},
    "benchmarks": {"tests"},
}


def imports(package: str) -> Iterator[tuple[Path, str]]:
    """Yields each file of a package with the dotted name of each import."""
    for path in sorted((ROOT / package).rglob("*.py")):
        file = path.relative_to(ROOT)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                yield from ((file, one.name) for one in node.names)
            elif isinstance(node, ast.ImportFrom):
                above = file.parts[: -node.level] if node.level else ()
                module = ".".join((*above, *filter(None, [node.module])))
                yield from ((file, f"{module}.{one.name}") for one in node.names)


def room(name: str) -> str:
    """Returns the folder of a package, or the module at its root, that holds a dotted name."""
    return name.split(".")[1]


def crossings(package: str) -> Iterator[tuple[str, str, str]]:
    """Yields the importing room, the imported room of the same package, and a sentence."""
    for file, name in imports(package):
        importing = room(".".join(file.with_suffix("").parts))
        if name.startswith(f"{package}.") and room(name) != importing:
            yield importing, room(name), f"{file} imports {name}"


def test_every_folder_of_edge_has_a_rule() -> None:
    folders = {path.parent.name for path in (ROOT / "edge").glob("*/*.py")}
    assert folders - SERVES_ALL | {"cli"} == set(MAY_IMPORT)


@pytest.mark.parametrize("importing", MAY_IMPORT)
def test_a_room_imports_only_rooms_below_it(importing: str) -> None:
    forbidden = set(MAY_IMPORT) - MAY_IMPORT[importing]
    assert not [
        sentence
        for one, imported, sentence in crossings("edge")
        if one == importing and imported in forbidden
    ]


def test_the_python_api_stands_on_the_rooms_below_and_serves_only_those_above() -> None:
    below = {room(name) for _, name in imports("emotiond") if name.startswith("edge.")}
    assert not below & (set(MAY_IMPORT) - API_STANDS_ON)
    above = {file.parts[1] for file, name in imports("edge") if name.split(".")[0] == "emotiond"}
    assert above == USES_THE_API


def test_modules_at_the_root_of_edge_import_no_room() -> None:
    assert not [
        sentence
        for importing, imported, sentence in crossings("edge")
        if importing not in MAY_IMPORT and imported in MAY_IMPORT
    ]


def test_rooms_of_the_converter_do_not_import_each_other_in_a_circle() -> None:
    graph: dict[str, set[str]] = {}
    for importing, imported, _ in crossings("converter"):
        graph.setdefault(importing, set()).add(imported)
    assert {"datasets", "training"} <= set(TopologicalSorter(graph).static_order())


@pytest.mark.parametrize("package", NEVER_IMPORTS)
def test_a_package_imports_no_package_that_uses_it(package: str) -> None:
    assert not [
        f"{file} imports {name}"
        for file, name in imports(package)
        if name.split(".")[0] in NEVER_IMPORTS[package]
    ]


def test_nothing_imports_a_test_module_or_a_conftest() -> None:
    assert not [
        f"{file} imports {name}"
        for package in (*NEVER_IMPORTS, "tests")
        for file, name in imports(package)
        if name.startswith("tests.")
        and any(part.startswith(("test_", "conftest")) for part in name.split("."))
    ]
