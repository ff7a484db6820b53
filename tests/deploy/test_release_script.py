"""`scripts/release`, in a repository with a package of this one's form."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from edge import __version__

ROOT = Path(__file__).parents[2]
FILES = {
    "README.md": "# emotiond\n",
    "LICENSE": "Apache-2.0\n",
    "CHANGELOG.md": "# Changelog\n\n## [Unreleased]\n",
    ".gitignore": "dist/\n",
    "edge/__init__.py": '__version__ = "0.2.0"\n',
    "emotiond/__init__.py": "",
    "converter/__init__.py": "",
    "models/LICENSES.md": "",
    "configs/default.yaml": "",
    "samples/README.md": "",
}
NAME_THE_VERSION = (
    "SECURITY.md",
    "deploy/README.md",
    "docs/doctor.md",
    "docs/mqtt.md",
    "docs/platforms.md",
    "examples/ros2/emotiond_bridge/package.xml",
    "examples/ros2/emotiond_bridge/setup.py",
    "examples/ros2/emotiond_msgs/package.xml",
)
"""Besides the changelog, the schemas and the add-on, which have tests of their own."""
RANDOM_HOOK = """
import os
from hatchling.builders.hooks.plugin.interface import BuildHookInterface

class Hook(BuildHookInterface):
    def initialize(self, version, build_data):
        with open("edge/random.txt", "wb") as file:
            file.write(os.urandom(8))
"""

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")


class Checkout:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name, content in FILES.items():
            self.write(name, content)
        for name in ("pyproject.toml", "requirements/device.txt", "scripts/release"):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
        self.git("init", "--quiet")
        self.commit()

    def write(self, name: str, content: str) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)

    def git(self, *arguments: str) -> None:
        who = ["-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false"]
        subprocess.run(["git", *who, *arguments], cwd=self.folder, check=True)

    def commit(self) -> None:
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", "Change something")

    def release(self, *options: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(self.folder / "scripts/release"), *options],
            check=False,
            capture_output=True,
            text=True,
            env={"PATH": "/usr/local/bin:/usr/bin:/bin", "PYTHON": sys.executable, "HOME": "/none"},
        )


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path / "checkout")


@pytest.mark.parametrize("name", NAME_THE_VERSION)
def test_all_parts_name_the_same_version(name: str) -> None:
    assert __version__ in (ROOT / name).read_text(encoding="utf-8")


def test_a_release_has_wheel_sdist_bill_of_materials_and_hashes(checkout: Checkout) -> None:
    checkout.write("CHANGELOG.md", "# Changelog\n\n## [Unreleased]\n\n## [0.2.0] - 2026-12-01\n")
    checkout.commit()
    done = checkout.release()
    assert done.returncode == 0, done.stderr
    assert "git tag --sign v0.2.0" in done.stdout
    made = checkout.folder / "dist"
    names = [f"emotiond-0.2.0{end}" for end in ("-py3-none-any.whl", ".cdx.json", ".tar.gz")]
    assert sorted(one.name for one in made.iterdir()) == ["SHA256SUMS", *names]
    subprocess.run(["sha256sum", "--check", "--quiet", "SHA256SUMS"], cwd=made, check=True)
    bill = json.loads((made / names[1]).read_bytes())
    assert bill["bomFormat"] == "CycloneDX"
    assert bill["metadata"]["component"]["name"] == "emotiond"
    assert bill["metadata"]["component"]["version"] == "0.2.0"
    parts = {one["name"]: one for one in bill["components"]}
    assert {"ai-edge-litert", "cryptography", "numpy", "paho-mqtt"} <= set(parts)
    assert str(checkout.folder.parent) not in json.dumps(bill)


def test_a_build_that_differs_from_the_next_is_not_released(checkout: Checkout) -> None:
    pyproject = (checkout.folder / "pyproject.toml").read_text()
    checkout.write("pyproject.toml", f"{pyproject}\n[tool.hatch.build.hooks.custom]\n")
    checkout.write("hatch_build.py", RANDOM_HOOK)
    checkout.commit()
    done = checkout.release("--draft")
    assert done.returncode == 1
    assert "two builds of emotiond-0.2.0-py3-none-any.whl differ" in done.stderr
    assert not (checkout.folder / "dist").exists()


def test_what_does_not_fit_together_is_named_with_the_remedy(checkout: Checkout) -> None:
    assert 'no section "## [0.2.0] - DATE"' in checkout.release().stderr
    checkout.write("CHANGELOG.md", "## [0.2.0] - 2026-12-01\n")
    assert "changes that are not committed" in checkout.release().stderr
    checkout.git("tag", "v0.2.0")
    checkout.commit()
    done = checkout.release()
    assert "the tag v0.2.0 is on another commit" in done.stderr
    assert "remedy: raise __version__" in done.stderr
