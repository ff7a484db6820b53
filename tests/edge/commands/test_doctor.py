import json
import os
import re
import shutil
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import cv2
import jsonschema
import msgspec
import numpy as np
import pytest
import soundfile

import edge
from benchmarks.harness.clips import HAPPY_CLIP
from edge.commands.demo.broker import free_port
from edge.commands.doctor import system
from edge.commands.doctor.devices import check_camera, check_microphone
from edge.commands.doctor.doctor import diagnose
from edge.commands.doctor.models import check_fusion, check_model
from edge.commands.doctor.report import CheckResult, Report, render, report_schema
from edge.commands.doctor.runner import TimeLimit, run_check
from edge.config import Camera, Config, Delegate, Fusion, Microphone, Models
from edge.errors import EmotiondError, ModelError, SourceError
from edge.perception.loader import ModelLoader
from edge.resources import MODELS
from edge.updates.store import ModelStore
from edge.values import SAMPLE_RATE_HZ
from tests.support.bundles import Signer, put_on_trial
from tests.support.clock import FakeClock

NAMES = [
    "config",
    "camera",
    "microphone",
    "model.bundle",
    "model.detector",
    "model.face",
    "model.speech",
    "model.text",
    "model.fusion",
    "broker.session",
    "broker.echo",
    "broker.daemon",
    "system.clock",
    "system.temperature",
    "system.disk",
    "system.state",
    "system.access",
    "system.python",
    "system.memory",
]


class HastyClock(FakeClock):
    """Later whenever somebody looks at it, so that files need no waiting."""

    def __init__(self, step_s: float = 0.06) -> None:
        super().__init__()
        self._step_s = step_s

    def now_s(self) -> float:
        self.moment_s += self._step_s
        return self.moment_s


def test_only_an_installed_bundle_that_is_as_it_was_signed_is_tried(tmp_path: Path) -> None:
    signer, state = Signer(tmp_path / "signer"), tmp_path / "state"
    store = ModelStore(state)
    put_on_trial(store, signer.sign("7", MODELS / "text.json"), signer.trusted)
    config = tmp_path / "emotiond.yaml"
    updates = f"models: {{folder: {tmp_path}, updates: {{keys: {signer.trusted}}}}}"
    config.write_text(f"state_folder: {state}\n{updates}\n")
    found = _by_name(diagnose(config, ["model.bundle", "model.text"]))
    assert found["model.bundle"].found == "bundle 7, signed by a trusted key"
    assert found["model.text"].verdict == "pass"
    manifest = store.bundle("7") / "text.json"
    _change(manifest, version="by a stranger")
    found = _by_name(diagnose(config, ["model.bundle", "model.text"]))
    assert "text.json is damaged" in found["model.bundle"].found
    assert f"{tmp_path}/text.json: cannot read the manifest" in found["model.text"].found
    manifest.unlink()
    os.mkfifo(manifest)  # root must not wait for whoever writes to it
    assert "not a plain file" in _by_name(diagnose(config, ["model.bundle"]))["model.bundle"].found


@pytest.fixture
def packs(tmp_path: Path) -> Path:
    for name in ("text.json", "text.tflite", "fusion.json"):
        shutil.copy(MODELS / name, tmp_path)
    return tmp_path


def _change(manifest: Path, **changes: Any) -> None:
    manifest.write_text(json.dumps(json.loads(manifest.read_text()) | changes))


def _config(folder: Path, text: str = "") -> Path:
    file = folder / "emotiond.yaml"
    file.write_text(
        f"state_folder: {folder}\nmqtt: {{port: {free_port()}, host: 127.0.0.1}}\n{text}"
    )
    return file


def _by_name(report: Report) -> dict[str, CheckResult]:
    return {one.name: one for one in report.checks}


def test_everything_is_tried_and_reported_in_one_order(tmp_path: Path) -> None:
    text = f"camera: {{source: {HAPPY_CLIP}}}\nmicrophone: {{source: {HAPPY_CLIP}}}\n"
    report = diagnose(_config(tmp_path, text), clock=HastyClock(), timeout_s=0.5)
    found = _by_name(report)
    assert list(found) == NAMES
    assert {name for name, one in found.items() if one.verdict == "fail"} == {"broker.session"}
    assert "Connection refused" in found["broker.session"].found
    assert (report.ok, report.exit_code) == (False, 1)
    payload = json.loads(msgspec.json.encode(report))
    jsonschema.validate(payload, report_schema())
    lines = render(report).splitlines()
    assert [line.split()[0] for line in lines[2:] if line[:1].strip()][:-1] == NAMES
    assert any("→ check mqtt.host and mqtt.port" in line for line in lines)
    assert lines[-1].endswith("1 fail, " + lines[-1].rpartition(", ")[2])


def test_the_schema_that_ships_is_that_of_the_code() -> None:
    shipped = json.loads((Path(edge.__file__).parent / "schemas" / "doctor.json").read_text())
    assert shipped == report_schema()


def test_all_faults_of_a_configuration_are_reported_and_nothing_else_is_tried(
    tmp_path: Path,
) -> None:
    report = diagnose(_config(tmp_path, "camera: {fps: 0}\nvoice: 1\n"), only=["system.clock"])
    found = _by_name(report)
    assert (found["config"].verdict, report.exit_code) == ("fail", 78)
    assert "emotiond.yaml:3: camera.fps" in found["config"].found
    assert "emotiond.yaml:4: voice: unknown key" in found["config"].found
    assert {one.verdict for name, one in found.items() if name != "config"} == {"skip"}


@pytest.mark.parametrize(
    "text",
    [
        "camera: {source: 'rtsp://admin:%s@127.0.0.1:9/%s'}",
        "camera: {source: 'rtsp://127.0.0.1:9/user=admin_password=%s_stream'}",
        "camera: {source: 'rtsp://127.0.0.1:9/s?usr=u;pwd=%s'}",
        "microphone: {source: 'rtsp://u:%s@h'}",
        "mqtt: {host: 'mqtt://u:%s@h'}",
        "mqtt: {port: 'u:%s@h'}",
    ],
)
def test_no_secret_of_the_configuration_is_in_the_report(tmp_path: Path, text: str) -> None:
    marker = "hunter-2"
    file = tmp_path / "emotiond.yaml"
    file.write_text(text.replace("%s", marker))
    command = [sys.executable, "-m", "edge.cli", "doctor", "--config", str(file), "--json"]
    done = subprocess.run(
        [*command, "--only", "config", "camera"], capture_output=True, check=False
    )
    assert json.loads(done.stdout)["ok"] is False
    assert marker.encode() not in done.stdout + done.stderr


def test_a_name_with_control_sequences_does_not_reach_the_terminal(tmp_path: Path) -> None:
    file = tmp_path / "\x1b]0;mine\x07.yaml"
    file.write_text("camera: {sauce: '\\e[31m'}\n")
    for command in (["doctor", "--config", str(file)], ["check-config", str(file)]):
        done = subprocess.run(
            [sys.executable, "-m", "edge.cli", *command], capture_output=True, check=False
        )
        assert done.returncode == os.EX_CONFIG
        assert b"mine" in done.stdout + done.stderr
        assert not {0x1B, 0x07} & {*done.stdout, *done.stderr}


def test_checks_are_chosen_by_name_or_group() -> None:
    chosen = diagnose(None, only=["system.clock", "config", "model.text"]).checks
    assert [one.name for one in chosen] == ["config", "model.text", "system.clock"]
    group = diagnose(None, only=["system"]).checks
    assert [one.name for one in group] == [name for name in NAMES if name.startswith("system.")]
    with pytest.raises(
        EmotiondError, match=r"unknown check 'camra'; known checks: config, camera, "
    ):
        diagnose(None, only=["camra"])


def test_what_is_switched_off_is_skipped(tmp_path: Path) -> None:
    off = "".join(f"{key}: {{enabled: false}}\n" for key in ("camera", "microphone", "text"))
    report = diagnose(_config(tmp_path, off), only=["camera", "microphone", "model"])
    found = _by_name(report)
    assert found["camera"].found == "camera.enabled is false"
    skipped = {name for name, one in found.items() if one.verdict == "skip"}
    assert skipped == set(found) - {"model.fusion"}
    assert report.exit_code == 0


def test_the_command_prints_one_object_and_tells_by_its_exit_code(tmp_path: Path) -> None:
    config = str(_config(tmp_path))
    command = [sys.executable, "-m", "edge.cli", "doctor", "--config", config, "--json", "--only"]
    failing = subprocess.run([*command, "config", "broker"], capture_output=True, check=False)
    assert (failing.returncode, failing.stderr) == (1, b"")
    jsonschema.validate(json.loads(failing.stdout), report_schema())
    _config(tmp_path, "camra: 1\n")
    at_fault = subprocess.run([*command, "broker"], capture_output=True, check=False)
    assert at_fault.returncode == 78
    assert "did you mean camera?" in json.loads(at_fault.stdout)["checks"][0]["found"]


@pytest.mark.parametrize(
    ("library", "failing"),
    [("cv2", {"camera", "model.text"}), ("paho.mqtt.client", {"broker.session"})],
)
def test_a_library_that_cannot_be_loaded_fails_what_needs_it_alone(
    tmp_path: Path, library: str, failing: set[str]
) -> None:
    config = str(_config(tmp_path, "camera: {source: 97}\n"))
    only = ["config", "camera", "model.text", "broker", "system.disk", "system.memory"]
    code = (
        f"import sys; sys.modules[{library!r}] = None; from edge import cli; "
        f"sys.argv[1:] = ['doctor', '--json', '--config', {config!r}, '--only', *{only}]; "
        "sys.exit(cli.main())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    found = {one["name"]: one for one in json.loads(done.stdout)["checks"]}
    cannot = {name for name, one in found.items() if "cannot be loaded" in one["found"]}
    assert cannot == failing
    assert {found[name]["verdict"] for name in cannot} == {"fail"}
    assert {found[name]["verdict"] for name in ("config", "system.disk")} == {"pass"}


def test_what_raises_or_never_answers_fails_alone() -> None:
    def broken() -> CheckResult:
        raise ValueError("somebody's words")

    def unplugged() -> CheckResult:
        raise SourceError("there is no microphone; plug one in")

    def without_library() -> CheckResult:
        raise ImportError("libGL.so.1: cannot open shared object file")

    never = threading.Event()
    found = run_check(broken)
    assert found.verdict == "fail"
    assert "ValueError at test_doctor.py" in found.found
    assert "words" not in found.found
    assert run_check(unplugged).found == "there is no microphone; plug one in"
    assert "libGL.so.1" in run_check(without_library).found
    limit = TimeLimit(0.05, "wake it")
    late = run_check(lambda: CheckResult(verdict="pass", found=str(never.wait())), limit)
    never.set()
    assert (late.verdict, late.found, late.remedy) == ("fail", "no answer within 0.05 s", "wake it")


def _film(file: Path, pictures: list[np.ndarray[Any, Any]]) -> Camera:
    fourcc = cv2.VideoWriter.fourcc(*"MJPG")
    writer = cv2.VideoWriter(str(file), fourcc, 25, (320, 240))
    for picture in pictures:
        writer.write(picture)
    writer.release()
    return Camera(source=str(file), fps=25)


def _noise(seed: int) -> np.ndarray[Any, Any]:
    return np.random.default_rng(seed).integers(0, 255, (240, 320, 3), np.uint8)


def test_a_camera_that_works_is_measured() -> None:
    found = check_camera(Camera(source=str(HAPPY_CLIP)), HastyClock())
    assert found.verdict == "pass"
    assert (found.figures["width_px"], found.figures["height_px"]) == (480, 360)
    assert found.figures["frames_per_s"] == pytest.approx(15, abs=1)
    assert 50 < found.figures["brightness_of_255"] < 200


def test_the_size_of_a_turned_camera_is_that_of_its_turned_pictures() -> None:
    found = check_camera(Camera(source=str(HAPPY_CLIP), rotate=270), HastyClock())
    assert (found.figures["width_px"], found.figures["height_px"]) == (360, 480)


def test_a_camera_much_slower_than_asked_for_is_warned_of(tmp_path: Path) -> None:
    camera = _film(tmp_path / "slow.avi", [_noise(one) for one in range(30)])
    found = check_camera(msgspec.structs.replace(camera, fps=60), HastyClock())
    assert (found.verdict, "camera.fps is 60" in found.found) == ("warn", True)


def test_a_camera_that_is_not_there_fails() -> None:
    with pytest.raises(SourceError, match="/dev/video97 not found"):
        check_camera(Camera(source=97), HastyClock())


def _listen(folder: Path, samples: np.ndarray[Any, Any]) -> CheckResult:
    soundfile.write(folder / "sound.wav", samples.astype(np.int16), SAMPLE_RATE_HZ)
    return check_microphone(Microphone(source=str(folder / "sound.wav")), HastyClock(0.1))


def test_the_level_of_a_second_of_sound_is_reported(tmp_path: Path) -> None:
    times_s = np.arange(2 * SAMPLE_RATE_HZ) / SAMPLE_RATE_HZ
    tone = np.sin(2 * np.pi * 440 * times_s)
    found = _listen(tmp_path, 3276.8 * tone)
    assert (found.verdict, found.found) == ("pass", "1.0 s of sound, level -23 dBFS")
    assert found.figures["level_dbfs"] == pytest.approx(-23.0, abs=0.1)
    clipped = _listen(tmp_path, np.clip(99_000 * tone, -32768, 32767))
    assert (clipped.verdict, "clipped" in clipped.found) == ("warn", True)
    faint = _listen(tmp_path, np.sign(tone))
    assert (faint.verdict, "almost silent" in faint.found) == ("warn", True)
    silent = _listen(tmp_path, 0 * tone)
    assert (silent.verdict, "digital silence" in silent.found) == ("warn", True)


def test_a_damaged_model_fails(packs: Path) -> None:
    model = packs / "text.tflite"
    model.write_bytes(model.read_bytes()[:1000])
    with pytest.raises(ModelError, match="the file is damaged or another version"):
        check_model(ModelLoader(Models(folder=str(packs))), "text.json", "text")


def test_a_model_that_answers_otherwise_fails_with_both_numbers(packs: Path) -> None:
    checks = json.loads((packs / "text.json").read_text())["checks"]
    happy = max(checks, key=lambda check: check["answer"]["joy"])
    happy["answer"]["joy"] = 0.5
    _change(packs / "text.json", checks=checks)
    found = check_model(ModelLoader(Models(folder=str(packs))), "text.json", "text")
    assert found.verdict == "fail"
    assert re.search(r"joy is (0\.[7-9]\d|1\.00) instead of 0\.50", found.found)
    assert "ai-edge-litert" in found.remedy


def test_a_model_without_check_samples_is_warned_of(packs: Path) -> None:
    _change(packs / "text.json", checks=[])
    found = check_model(ModelLoader(Models(folder=str(packs))), "text.json", "text")
    assert (found.verdict, "no check sample" in found.found) == ("warn", True)
    assert found.figures["run_ms"] > 0


def test_a_model_that_the_delegate_refuses_is_warned_of(packs: Path) -> None:
    delegate = Delegate(path="libno-such-delegate.so")
    loader = ModelLoader(Models(folder=str(packs), delegate=delegate))
    found = check_model(loader, "text.json", "text")
    assert found.verdict == "warn"
    assert "on the processor: models.delegate refuses it" in found.found


def test_fusion_that_was_learned_from_other_models_is_warned_of(packs: Path) -> None:
    loader, models = ModelLoader(Models(folder=str(packs))), {"text": "text.json"}
    assert check_fusion(loader, Fusion(), models).verdict == "pass"
    _change(packs / "fusion.json", models={"text": "0" * 64})
    found = check_fusion(loader, Fusion(), models)
    assert (found.verdict, "other models for text" in found.found) == ("warn", True)


def test_a_clock_that_nobody_set_fails_and_one_that_drifts_is_warned_of() -> None:
    assert system.check_clock(86_400.0, True).verdict == "fail"
    assert system.check_clock(1.79e9, False).verdict == "warn"
    assert system.check_clock(1.79e9, True).found == "2026-09-21 14:13:20 UTC, synchronised"
    assert system.is_synchronised() in (True, False, None)


def test_heat_and_what_slows_a_board_are_warned_of() -> None:
    assert system.check_temperature(None, None, 80).verdict == "skip"
    assert system.check_temperature(51.0, [], 80).verdict == "pass"
    assert system.check_temperature(85.0, None, 80).verdict == "warn"
    weak = system.check_temperature(51.0, ["under_voltage"], 80)
    assert (weak.verdict, weak.remedy) == ("warn", "use a stronger power supply")


def test_the_state_folder_may_be_missing_but_must_be_writable(tmp_path: Path) -> None:
    assert system.check_state(tmp_path).verdict == "pass"
    assert list(tmp_path.iterdir()) == []
    assert "can be created" in system.check_state(tmp_path / "a" / "b").found
    (tmp_path / "file").touch()
    assert system.check_state(tmp_path / "file").verdict == "fail"
    assert system.check_state(tmp_path / "file" / "below").verdict == "fail"


def test_a_full_spool_must_fit_on_the_disk(tmp_path: Path) -> None:
    assert system.check_disk(tmp_path / "not yet", 10_000).verdict == "pass"
    assert "lower mqtt.spool.max_bytes" in system.check_disk(tmp_path, 10**18).remedy


def test_device_nodes_follow_from_the_configuration(tmp_path: Path) -> None:
    (tmp_path / "snd").mkdir()
    for name in ("pcmC0D0c", "pcmC0D0p"):
        (tmp_path / "snd" / name).touch()
    nodes = system.device_nodes(Config(camera=Camera(source=0)), tmp_path)
    assert nodes == {"video": [tmp_path / "video0"], "audio": [tmp_path / "snd" / "pcmC0D0c"]}
    files = Config(camera=Camera(source="/clip.mkv"), microphone=Microphone(source="/clip.wav"))
    assert system.device_nodes(files, tmp_path) == {}
    assert system.device_nodes(Config(), tmp_path, tmp_path)["video"] == []
    assert system.check_access({"video": [tmp_path / "video0"]}).verdict == "skip"
    assert system.check_access(nodes).verdict == "pass"
    refused = system.check_access(nodes, lambda node: "snd" not in str(node))
    assert (refused.verdict, "sudo usermod -aG audio " in refused.remedy) == ("warn", True)


def test_python_and_what_it_needs_are_named() -> None:
    found = system.check_python()
    assert found.verdict == "pass"
    assert "paho-mqtt 2." in found.found


def test_little_memory_is_warned_of() -> None:
    found = system.check_memory(102.4)
    assert (found.verdict, found.figures["available_mb"]) == ("warn", 102.4)
    assert system.check_memory(1000.0).verdict == "pass"
