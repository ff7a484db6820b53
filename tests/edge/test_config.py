import re
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from edge.config import Config, Mqtt
from edge.configfile import load_config, parse_config
from edge.errors import ConfigError
from edge.resources import CONFIGS


def _keys(section: Any, prefix: str = "") -> set[str]:
    keys: set[str] = set()
    for key, value in section.items():
        keys |= _keys(value, f"{prefix}{key}.") if isinstance(value, dict) else {f"{prefix}{key}"}
    return keys


def test_default_yaml_has_every_key_with_its_default() -> None:
    text = (CONFIGS / "default.yaml").read_text(encoding="utf-8")
    assert parse_config(text, "default.yaml") == Config()
    of_this_machine = {"models.folder", "mqtt.device"}
    assert _keys(yaml.safe_load(text)) == _keys(msgspec.to_builtins(Config())) - of_this_machine
    assert "# folder:" in text
    assert "# device:" in text


@pytest.mark.parametrize(
    "name", ["default.yaml", "demo.yaml", "kiosk.yaml", "robot.yaml", "service.yaml"]
)
def test_the_configurations_that_ship_are_good(name: str) -> None:
    load_config(CONFIGS / name)


@pytest.mark.parametrize("text", ["", "\n\n", "# nothing\n", "---\n", "~", "# camera:\n"])
def test_a_file_that_sets_nothing_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="f: it sets nothing; restore it from a copy"):
        parse_config(text, "f")


def test_a_section_without_keys_has_its_defaults() -> None:
    config = parse_config("camera:\n  # fps: 5\ntracking:\n  resting_face:\nmqtt: {port: 1}", "f")
    assert config == Config(mqtt=Mqtt(port=1))


def test_every_fault_is_named_with_its_line_key_value_and_remedy() -> None:
    text = "camera:\n  sauce: 0\n  fps: fast\nmqtt:\n  port: 99999\ntracking: 5\nmqt: {}\n"
    with pytest.raises(ConfigError) as caught:
        parse_config(text, "kiosk.yaml")
    assert str(caught.value).splitlines() == [
        "kiosk.yaml:2: camera.sauce: unknown key; did you mean camera.source?",
        "kiosk.yaml:3: camera.fps: 'fast' is not allowed: expected float, got str",
        "kiosk.yaml:5: mqtt.port: '99999' is not allowed: expected int <= 65535",
        "kiosk.yaml:6: tracking: expected keys with values, found '5'",
        "kiosk.yaml:7: mqt: unknown key; did you mean mqtt?",
    ]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("camera:\n  fps: 5\n\0\0\0", "f:3: not text: it has the character U+0000"),
        ("\n\x1b[31mcamera:", "f:2: not text: it has the character U+001B"),
        (
            "camera:\n  enabled: !!bool maybe",
            "f:2: camera.enabled: 'maybe' is not allowed",
        ),
        ("camera: {fps: !!int ''}", "f:1: camera.fps: '' is not allowed: not a valid int"),
        ("camera: {source: !!timestamp x}", "f:1: camera.source: 'x' is not allowed: not"),
        ("camera: {source: !!python/name:os.system x}", "f:1: not valid YAML"),
        ('mqtt: {device: "\\ud800"}', "f:1: mqtt.device: a control character"),
        ('microphone: {source: "a\\0"}', "f:1: microphone.source: a control character"),
        ('fusion:\n  outside: [a, "b\\e"]', "f:2: fusion.outside: a control character"),
        ("camera:\n  source:\n    " + "[" * 5000, "f:3: nested too deeply"),
        ("camera: " + "{a: " * 5000, "f:1: nested too deeply"),
        ("!!set {camera}", "f:1: the file: expected keys with values"),
        ("? [camera]\n: 1", "f:1: a list or a mapping: unknown key"),
        ("camera: {source: &a [*a]}", "f:1: not valid YAML"),
        (
            "mqtt: {host: 'mqtt://u:p@h'}",
            "f:1: mqtt.host: an address (not shown here) is not allowed",
        ),
        ("camera: {\"'fps'\": 3}", "f:1: camera.'fps': unknown key"),
        ("mqtt: {port: 'u:p@h'}", "f:1: mqtt.port: an address (not shown here) is not allowed"),
        ("camera: {region: [0.5, 0, 0.5, 1]}", "f: region is left, top, right and bottom"),
        ("camera: {source: 'u:p@h/stream'}", "f: source looks like an address"),
        ("camera: {source: 'u:p@rtsp://h/stream'}", "f: source looks like an address"),
        ("camera: {source: '//u:p@h/stream'}", "f: source looks like an address"),
        ("microphone: {source: 'rtsp://u:p@h'}", "f: source cannot be an address"),
        ("microphone: {source: 'u:p@h'}", "f: source cannot be an address"),
        ("camera: [", "f:1: not valid YAML"),
        ("camera:\n\tsource: 0", "f:2: not valid YAML"),
        ("- camera", "f:1: the file: expected keys with values"),
        ("camera: {fps: 5, fps: 6}", "camera.fps: already set on line 1"),
        ("mqtt: {device: a/b}", "mqtt.device: 'a/b' is not allowed"),
        ("mqtt: {prefix: 'a/#'}", "mqtt.prefix: 'a/#' is not allowed"),
        ("fusion: {strategy: magic}", "fusion.strategy: 'magic' is not allowed"),
        (
            "models: {face: {detector: near}}",
            "models.face.detector: 'near' is not allowed: expected short or full",
        ),
        (
            "camera:\n  rotate: 45",
            "f:2: camera.rotate: '45' is not allowed: expected 0 or 90 or 180 or 270",
        ),
        ("camera: {rotate: true}", "camera.rotate: 'true' is not allowed: expected 0 or 90"),
        ("camera: {mirror: 180}", "f:1: camera.mirror: '180' is not allowed"),
        ("camera: {enabled: maybe}", "camera.enabled: 'maybe' is not allowed"),
        ("camera: {fps: .nan}", "camera.fps: '.nan' is not allowed"),
        ("mqtt: {device: 2024-13-01}", "mqtt.device: '2024-13-01' is not allowed"),
        ("mqtt: {port: !!int abc}", "mqtt.port: 'abc' is not allowed"),
        ("mqtt: {host: a..b}", "mqtt.host: 'a..b' is not allowed"),
        (
            "device_retry: {shortest_s: 5, longest_s: 2}",
            "longest_s 2.0 is less than shortest_s 5.0",
        ),
        ("zzz: 1", "known keys: camera, microphone"),
        ("a: 1\n---\nb: 2", "not valid YAML"),
    ],
)
def test_bad_yaml_and_bad_values_are_refused(text: str, sentence: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(sentence)):
        parse_config(text, "f")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none\.yaml: cannot read it \(No such file"):
        load_config(tmp_path / "none.yaml")


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "f.yaml"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match="not UTF-8 text"):
        load_config(path)


def test_a_key_with_a_tag_is_refused_with_its_line() -> None:
    with pytest.raises(ConfigError, match=r"f:2: camera\.fps: a key must be a plain word"):
        parse_config("camera:\n  !!int fps: 5\n", "f")
