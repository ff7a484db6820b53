"""Shows the lines of a newer default.yaml whose keys an older one does not have."""

import sys
from pathlib import Path

import yaml
from yaml.nodes import MappingNode, Node


def keys(text: str) -> dict[str, int]:
    """Returns the dotted path of every key of a YAML mapping, with the index of its line."""
    found: dict[str, int] = {}

    def walk(node: Node | None, prefix: str) -> None:
        if isinstance(node, MappingNode):
            for key, value in node.value:
                found[prefix + key.value] = key.start_mark.line
                walk(value, f"{prefix}{key.value}.")

    walk(yaml.compose(text, yaml.SafeLoader), "")
    return found


def new_keys(old: str, new: str) -> list[str]:
    """Returns `section.key: default  # comment` for every key that only the newer text has."""
    known, lines = keys(old), new.splitlines()
    return [
        f"{path.rpartition('.')[0]}.{lines[line].strip()}".lstrip(".")
        for path, line in keys(new).items()
        if path not in known
    ]


def main(old: Path, new: Path) -> None:
    """Prints the new keys with their defaults, or nothing if there are none."""
    added = new_keys(old.read_text(encoding="utf-8"), new.read_text(encoding="utf-8"))
    if added:
        print("== configuration: this release has new keys; unless set, these defaults apply")
        print("\n".join(f"   {line}" for line in added))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
