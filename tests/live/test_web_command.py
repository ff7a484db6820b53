"""`emotiond serve` as a user starts it."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import trustme
import urllib3
from cryptography.hazmat.primitives import serialization

from benchmarks.harness.clips import HAPPY_CLIP
from benchmarks.harness.web import web_server
from edge.commands.demo.broker import HOST, free_port
from edge.machine import rss_mb

MAX_IDLE_MB = 80.0  # without the libraries that read pictures and run models


def ask(url: str, **headers: str) -> int:
    with urllib3.PoolManager(retries=False) as pool:
        return pool.request("GET", url, headers=headers, redirect=False).status


def test_it_prints_its_address_serves_it_and_leaves_nothing_behind(tmp_path: Path) -> None:
    with web_server(tmp_path, {"mqtt": {"port": 1}}) as server:
        assert server.address == f"{server.url}/"
        assert ask(f"{server.url}/api/health") == 200
        assert rss_mb(server.process.pid) < MAX_IDLE_MB
        with urllib3.PoolManager() as pool:
            body = b'{"text": "I am so happy!"}'
            headers = {"Content-Type": "application/json"}
            pool.request("POST", f"{server.url}/api/predict", body=body, headers=headers)
        children = children_of(server.process.pid)
        assert len(children) == 1
    assert server.process.returncode in (0, -signal.SIGTERM)
    assert not any(Path(f"/proc/{child}").exists() for child in children)


def written_bytes(pid: int) -> int:
    """What a process has written to files on disks; files in memory do not count."""
    figures = dict(line.split(": ") for line in Path(f"/proc/{pid}/io").read_text().splitlines())
    return int(figures["write_bytes"])


def children_of(pid: int) -> list[int]:
    tasks = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(child) for task in tasks for child in task.read_text().split()]


def test_no_upload_reaches_a_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spool = tmp_path / "tmp"
    spool.mkdir()
    monkeypatch.setenv("TMPDIR", str(spool))
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    clip = HAPPY_CLIP.read_bytes() + bytes(8_000_000)  # more than any part that is kept in memory
    with web_server(tmp_path, {"mqtt": {"port": 1}}) as server, urllib3.PoolManager() as pool:
        url = f"{server.url}/api/predict/video"
        before = written_bytes(server.process.pid)
        answer = pool.request("POST", url, fields={"video": ("a.mkv", clip)})
        assert answer.json()["fused"]["emotion"] == "happy"
        (reader,) = children_of(server.process.pid)
        written = written_bytes(server.process.pid) - before + written_bytes(reader)
        assert written < len(HAPPY_CLIP.read_bytes())
        assert not list(spool.iterdir())


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
def test_no_file_but_those_in_memory_is_opened_for_writing(tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    port = free_port()
    calls = "trace=open,openat,creat,rename,renameat,renameat2,mkdir,mkdirat,mknod,mknodat"
    command = ["strace", "-f", "-qq", "-e", calls, "-o", str(trace), sys.executable, "-m"]
    options = ["edge.cli", "serve", "--port", str(port)]
    environment = os.environ | {"PYTHONDONTWRITEBYTECODE": "1"}
    with subprocess.Popen([*command, *options], stdout=subprocess.PIPE, env=environment) as traced:
        try:
            assert traced.stdout is not None
            assert traced.stdout.readline()
            with urllib3.PoolManager() as pool:
                url = f"http://{HOST}:{port}/api/predict/video"
                fields = {"video": ("a.mkv", HAPPY_CLIP.read_bytes())}
                assert pool.request("POST", url, fields=fields).status == 200
        finally:
            for child in children_of(traced.pid):
                os.kill(child, signal.SIGTERM)
    lines = trace.read_text().splitlines()
    writes = [line for line in lines if re.search(r"O_WRONLY|O_RDWR|O_CREAT|rename|mk|creat", line)]
    assert len(lines) > 100
    assert [line for line in writes if '"/dev/null"' not in line] == []


def test_on_other_addresses_it_prints_a_token_once_and_demands_it(tmp_path: Path) -> None:
    with web_server(tmp_path, {"mqtt": {"port": 1}}, "--host", "0.0.0.0") as server:  # noqa: S104
        assert server.address == f"http://{socket.gethostname()}:{server.port}/"
        assert server.process.stdout is not None
        token = server.process.stdout.readline().split()[-1]
        assert len(token) >= 32
        assert ask(f"{server.url}/api/health") == 401
        assert ask(f"{server.url}/api/health", Authorization=f"Bearer {token}") == 200
        assert token not in (tmp_path / "web.log").read_text()


@pytest.mark.parametrize(
    ("options", "message", "code"),
    [
        (["--token-file", "/none"], "/none: cannot read the token", os.EX_CONFIG),
        (["--certificate", "/none"], "--certificate and --key belong together", os.EX_CONFIG),
        (["--host", "192.0.2.1"], "cannot listen on 192.0.2.1", 1),
    ],
)
def test_what_cannot_be_served_is_one_sentence(options: list[str], message: str, code: int) -> None:
    command = [sys.executable, "-m", "edge.cli", "serve", *options]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == code
    assert message in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("certificate", "key", "reason"),
    [
        ("none.pem", "server.key", "No such file"),
        ("junk.pem", "server.key", "PEM"),
        ("server.pem", "junk.pem", "PEM"),
        ("server.pem", "other.key", "mismatch"),
        ("server.pem", "secret.key", "without a passphrase"),
    ],
)
def test_a_certificate_that_cannot_be_used_is_one_sentence(
    authority: tuple[trustme.CA, Path], tmp_path: Path, certificate: str, key: str, reason: str
) -> None:
    folder = authority[1]
    for name in ("server.pem", "server.key"):
        (tmp_path / name).symlink_to(folder / name)
    (tmp_path / "junk.pem").write_text("junk")
    other = authority[0].issue_cert("other").private_key_pem.bytes()
    (tmp_path / "other.key").write_bytes(other)
    secret = serialization.load_pem_private_key(other, None).private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.BestAvailableEncryption(b"secret"),
    )
    (tmp_path / "secret.key").write_bytes(secret)
    options = ["--certificate", str(tmp_path / certificate), "--key", str(tmp_path / key)]
    done = subprocess.run(
        [sys.executable, "-m", "edge.cli", "serve", "--port", "0", *options],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert (done.returncode, "Traceback" in done.stderr) == (os.EX_CONFIG, False)
    assert str(tmp_path / certificate) in done.stderr
    assert reason.lower() in done.stderr.lower()
    assert "Enter" not in done.stderr  # nobody may be there to answer
    assert done.stdout == ""


def test_without_the_extra_it_names_the_remedy(tmp_path: Path) -> None:
    (tmp_path / "starlette.py").write_text("raise ImportError(name='starlette')\n")
    paths = [str(tmp_path), *filter(None, [os.environ.get("PYTHONPATH")])]
    done = subprocess.run(
        [sys.executable, "-m", "edge.cli", "serve"],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(paths)},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert (done.returncode, "install `emotiond[web]`" in done.stderr) == (1, True)


def test_it_serves_https_with_a_certificate(tmp_path: Path, authority: tuple[object, Path]) -> None:
    folder = authority[1]
    options = ("--certificate", str(folder / "server.pem"), "--key", str(folder / "server.key"))
    with web_server(tmp_path, {"mqtt": {"port": 1}}, *options) as server:
        assert server.address.startswith("https://127.0.0.1:")
        with urllib3.PoolManager(ca_certs=str(folder / "ca.pem"), retries=False) as pool:
            assert pool.request("GET", f"{server.address}api/health").status == 200
