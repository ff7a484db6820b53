"""Reads a YAML configuration and reports every error in it with its line."""

import difflib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import msgspec
import yaml
from yaml.nodes import MappingNode, Node, ScalarNode

from edge.config import Config, Section
from edge.errors import ConfigError


def load_config(path: Path) -> Config:
    """Reads a configuration file; missing keys have their defaults.

    Raises ConfigError, one line per error: `file:line: key: the error and the remedy`.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{path}: cannot read it ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise ConfigError(
            f"{path}: not UTF-8 text ({error.reason} at byte {error.start})"
        ) from error
    return parse_config(text, str(path))


def parse_config(text: str, name: str) -> Config:
    """Parses a YAML text; errors call it `name`. Raises ConfigError as `load_config`."""
    loader = yaml.SafeLoader(text)
    try:
        root = loader.get_single_node()
        if root is None:
            return Config()
        faults = list(_faults(root, Config, "", loader))
        if not faults:
            return msgspec.convert(loader.construct_document(root), Config)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise ConfigError(f"{name}:{line}: not valid YAML: {error.problem}") from error
    except (yaml.YAMLError, RecursionError) as error:
        raise ConfigError(f"{name}: not valid YAML: {error}") from error
    except msgspec.ValidationError as error:
        raise ConfigError(f"{name}: {str(error).replace(' - at `$.', ', in `')}") from error
    finally:
        loader.dispose()
    raise ConfigError("\n".join(f"{name}:{line}: {fault}" for line, fault in sorted(faults)))


def _faults(
    node: Node, section: type[Section], prefix: str, loader: yaml.SafeLoader
) -> Iterator[tuple[int, str]]:
    """Yields every error in a mapping as its line and a sentence."""
    if not isinstance(node, MappingNode):
        section_name = prefix.rstrip(".") or "the file"
        yield _line(node), f"{section_name}: expected keys with values, found {_shown(node)}"
        return
    fields = {field.name: field for field in msgspec.structs.fields(section)}
    seen: dict[str, int] = {}
    for key_node, value_node in node.value:
        key = str(key_node.value)
        if key not in fields:
            yield _line(key_node), _unknown(prefix, key, list(fields))
        elif key in seen:
            yield _line(key_node), f"{prefix}{key}: already set on line {seen[key]}"
        elif _is_section(fields[key].type):
            yield from _faults(value_node, fields[key].type, f"{prefix}{key}.", loader)
        else:
            yield from _value_faults(value_node, fields[key].type, f"{prefix}{key}", loader)
        seen.setdefault(key, _line(key_node))


def _value_faults(
    node: Node, kind: Any, key: str, loader: yaml.SafeLoader
) -> Iterator[tuple[int, str]]:
    try:
        msgspec.convert(loader.construct_object(node, deep=True), kind)
    except (msgspec.ValidationError, ValueError) as error:
        reason = str(error).replace("`", "").replace("Expected", "expected", 1)
        if get_origin(kind) is Literal:
            reason = f"expected {' or '.join(map(str, get_args(kind)))}"
        yield _line(node), f"{key}: {_shown(node)} is not allowed: {reason}"


def _unknown(prefix: str, key: str, known: list[str]) -> str:
    close = difflib.get_close_matches(key, known, n=1)
    remedy = f"did you mean {prefix}{close[0]}?" if close else f"known keys: {', '.join(known)}"
    return f"{prefix}{key}: unknown key; {remedy}"


def _shown(node: Node) -> str:
    return repr(node.value) if isinstance(node, ScalarNode) else "a list or a mapping"


def _line(node: Node) -> int:
    return int(node.start_mark.line) + 1


def _is_section(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, Section)
