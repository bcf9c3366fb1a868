"""An installed wheel works without the checkout: grammar and templates come along, and nothing else does."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def run(*command: str | Path, cwd: Path) -> str:
    """The standard output of a command that must succeed, outside the checkout and with nothing on the path."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    done = subprocess.run(list(map(str, command)), cwd=cwd, env=clean, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this checkout, built with the backend that is installed."""
    directory = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", directory, cwd=ROOT)
    (found,) = directory.glob("*.whl")
    return found


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The scripts of a new environment: the wheel in it, and behind it the dependencies of this one."""
    home = tmp_path_factory.mktemp("venv")
    venv.create(home, with_pip=False)
    scripts = home / ("Scripts" if sys.platform == "win32" else "bin")
    run(sys.executable, "-m", "pip", "--python", home, "install", "-q", "--no-deps", "--no-index", wheel, cwd=home)
    site = Path(
        run(scripts / "python", "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=home).strip()
    )
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")  # its own .pth files are not read
    return scripts


def test_the_wheel_holds_the_package_and_its_data_only(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert "rnnc/_data/grammar/rnn.lark" in names
    templates = {path.relative_to(ROOT).as_posix() for path in (ROOT / "templates").rglob("*") if path.is_file()}
    assert {f"rnnc/_data/{template}" for template in templates} <= set(names)
    assert {name.split("/")[0].split("-")[0] for name in names} == {"rnnc"}
    assert not [name for name in names if "__pycache__" in name]


def test_the_installed_compiler_writes_the_same_module(installed: Path, tmp_path: Path) -> None:
    shutil.copy(ROOT / "examples" / "lstm.rnn", tmp_path)
    where = run(installed / "python", "-c", "import rnnc; print(rnnc.__file__)", cwd=tmp_path)
    assert Path(where.strip()).is_relative_to(installed.parent)
    text = run(installed / "rnnc", "compile", "lstm.rnn", "-D", "units=8", cwd=tmp_path)
    assert "def forward(" in text
    assert text == run(sys.executable, "-m", "rnnc", "compile", "lstm.rnn", "-D", "units=8", cwd=tmp_path)


def test_the_installed_library_of_cells_is_whole(installed: Path, tmp_path: Path) -> None:
    """Every kind of file of it: known everywhere, a variant, wrappers, networks."""
    call = "MultiRNNCell([ResidualWrapper(LSTMBlockCell(4)), BasicLSTMCell(4)])"
    run(installed / "rnnc", "import", call, "-o", "layers.rnn", cwd=tmp_path)
    assert "def forward(" in run(installed / "rnnc", "compile", "layers.rnn", cwd=tmp_path)
