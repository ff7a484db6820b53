"""Reads a YAML configuration and reports every error in it with its line."""

import contextlib
import difflib
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import msgspec
import yaml
from yaml.nodes import MappingNode, Node, ScalarNode

from edge.config import Config
from edge.errors import ConfigError
from edge.section import Section

MAPPING, NULL, TEXT = (f"tag:yaml.org,2002:{kind}" for kind in ("map", "null", "str"))
UNCONVERTIBLE = (ArithmeticError, AttributeError, LookupError, ValueError)
"""Raised by PyYAML for a value that does not fit its tag, such as `!!int maybe`."""
CONTROL_CHARACTER = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
"""No name, path or address has one, and some calls of the system end with an exception at it."""


def load_config(path: Path) -> Config:
    """Reads a configuration file; missing keys have their defaults.

    Raises ConfigError, one line per error: `file:line: key: the error and the remedy`.
    """
    return parse_config(read_yaml_text(path), str(path))


def parse_config(text: str, name: str) -> Config:
    """Parses a YAML text; errors call it `name`. Raises ConfigError as `load_config`.

    A file without a single key is refused: after a power failure it may be what is left of one, and
    its owner may have wanted neither camera nor microphone.
    """
    with loading(text, name) as loader:
        root = loader.get_single_node()
        if root is None or _is_null(root):
            raise ConfigError(
                f"{name}: it sets nothing; restore it from a copy, or write `camera:` on a line of "
                "its own for a configuration that has only defaults"
            )
        faults = list(mapping_faults(root, Config, "", loader))
        if not faults:
            return msgspec.convert(_without_nulls(loader.construct_document(root)), Config)
    raise ConfigError(located(faults, name))


def read_yaml_text(path: Path) -> str:
    """Reads a file in UTF-8; raises ConfigError."""
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{path}: cannot read it ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise ConfigError(
            f"{path}: not UTF-8 text ({error.reason} at byte {error.start})"
        ) from error


@contextlib.contextmanager
def loading(text: str, name: str) -> Iterator[yaml.SafeLoader]:
    """Yields a loader of a YAML text; errors call it `name`.

    Raises ConfigError with the line for whatever the loader finds wrong with the text.
    """
    try:
        loader = yaml.SafeLoader(text)
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise ConfigError(
            f"{name}:{line}: not text: it has the character U+{error.character:04X}; the file is "
            "damaged, restore it from a copy"
        ) from error
    try:
        yield loader
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise ConfigError(f"{name}:{line}: not valid YAML: {error.problem}") from error
    except yaml.YAMLError as error:
        raise ConfigError(f"{name}:{loader.line + 1}: not valid YAML: {error}") from error
    except RecursionError as error:
        raise ConfigError(f"{name}:{loader.line + 1}: nested too deeply") from error
    except msgspec.ValidationError as error:
        raise ConfigError(f"{name}: {str(error).replace(' - at `$.', ', in `')}") from error
    finally:
        loader.dispose()


def located(faults: Iterable[tuple[int, str]], name: str) -> str:
    """Returns one line per fault, by their lines in the file."""
    return "\n".join(f"{name}:{line}: {fault}" for line, fault in sorted(faults))


def mapping_faults(
    node: Node, section: type[Section], prefix: str, loader: yaml.SafeLoader
) -> Iterator[tuple[int, str]]:
    """Yields every error in a mapping as its line and a sentence; `prefix` precedes its keys."""
    if not isinstance(node, MappingNode) or node.tag != MAPPING:
        section_name = prefix.rstrip(".") or "the file"
        yield _line(node), f"{section_name}: expected keys with values, found {_shown(node)}"
        return
    fields = {field.encode_name: field for field in msgspec.structs.fields(section)}
    seen: dict[str, int] = {}
    for key_node, value_node in node.value:
        key = _name(key_node)
        if key not in fields:
            yield _line(key_node), _unknown(prefix, key, list(fields))
        elif key_node.tag != TEXT:
            yield _line(key_node), f"{prefix}{key}: a key must be a plain word, without a tag"
        elif key in seen:
            yield _line(key_node), f"{prefix}{key}: already set on line {seen[key]}"
        elif _is_section(fields[key].type):
            if not _is_null(value_node):
                yield from mapping_faults(value_node, fields[key].type, f"{prefix}{key}.", loader)
        else:
            yield from _value_faults(value_node, fields[key].type, f"{prefix}{key}", loader)
        seen.setdefault(key, _line(key_node))


def _value_faults(
    node: Node, kind: Any, key: str, loader: yaml.SafeLoader
) -> Iterator[tuple[int, str]]:
    try:
        value = loader.construct_object(node, deep=True)
        msgspec.convert(value, kind)
        if CONTROL_CHARACTER.search(
            "".join(map(str, value if isinstance(value, list) else [value]))
        ):
            yield _line(node), f"{key}: a control character is not allowed in it"
    except msgspec.ValidationError as error:
        reason = str(error).replace("`", "").replace("Expected", "expected", 1)
        if get_origin(kind) is Literal:
            reason = f"expected {' or '.join(map(str, get_args(kind)))}"
        yield _line(node), f"{key}: {_shown(node)} is not allowed: {reason}"
    except UNCONVERTIBLE:
        kind_of_tag = node.tag.rsplit(":")[-1]
        yield _line(node), f"{key}: {_shown(node)} is not allowed: not a valid {kind_of_tag}"


def _unknown(prefix: str, key: str, known: list[str]) -> str:
    close = difflib.get_close_matches(key, known, n=1)
    remedy = f"did you mean {prefix}{close[0]}?" if close else f"known keys: {', '.join(known)}"
    return f"{prefix}{key}: unknown key; {remedy}"


def _is_null(node: Node) -> bool:
    """Returns whether there is no value, as when every key of a section is commented out."""
    return bool(node.tag == NULL)


def _without_nulls(section: dict[str, Any]) -> dict[str, Any]:
    """Leaves out sections without a key."""
    return {
        key: _without_nulls(value) if isinstance(value, dict) else value
        for key, value in section.items()
        if value is not None
    }


def _shown(node: Node) -> str:
    if not isinstance(node, ScalarNode):
        return "a list or a mapping"
    may_hold_password = "@" in node.value or "://" in node.value
    return "an address (not shown here)" if may_hold_password else repr(node.value)


def _name(key_node: Node) -> str:
    """Returns a key as it is to be called."""
    return key_node.value if _shown(key_node) == repr(key_node.value) else _shown(key_node)


def _line(node: Node) -> int:
    return int(node.start_mark.line) + 1


def _is_section(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, Section)
