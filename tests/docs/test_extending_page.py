"""What docs/extending.md adds to the compiler works: on a copy, with the lines and commands that the page shows."""

from __future__ import annotations

import doctest
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.pages import ROOT, Command, Fence, commands, fences, page

PAGE = page("extending.md")
COPIED = ("rnnc", "grammar", "templates", "tests/ir", "tests/conftest.py", "pyproject.toml")


def _insert(text: str, fence: Fence) -> str:
    """The text of a file with a block at the place that its attributes name."""
    if "append" in fence.attributes:
        return text + fence.text
    if "after" in fence.attributes:
        place = fence.attributes["after"]
        (at,) = (n for n, line in enumerate(text.splitlines()) if line == place)
        lines = text.splitlines(keepends=True)
        return "".join([*lines[: at + 1], fence.text, *lines[at + 1 :]])
    place = fence.attributes["replace"]
    assert text.count(place) == 1, place
    return text.replace(place, fence.text.removesuffix("\n"))


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The compiler with all additions of the page."""
    root = tmp_path_factory.mktemp("extended")
    for name in COPIED:
        source, target = ROOT / name, root / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, target)
    for fence in fences(PAGE):
        if "file" in fence.attributes:
            (root / fence.attributes["file"]).write_text(fence.text, encoding="utf-8")
        elif "new" in fence.attributes:
            path = root / fence.attributes["new"]
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(fence.text, encoding="utf-8")
        elif "in" in fence.attributes:
            path = root / fence.attributes["in"]
            path.write_text(_insert(path.read_text(encoding="utf-8"), fence), encoding="utf-8")
    return root


def _run(arguments: tuple[str, ...], root: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(root)}
    return subprocess.run(
        arguments, cwd=root, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )


@pytest.mark.parametrize(
    "command",
    [command for fence in fences(PAGE) if fence.language == "console" for command in commands(fence)],
    ids=lambda command: " ".join(command.arguments),
)
def test_a_command_runs_as_shown(copy: Path, command: Command) -> None:
    program, *arguments = command.arguments
    start = {"rnnc": ("-m", "rnnc"), "python": ()}[program]
    done = _run((sys.executable, *start, *arguments), copy)
    assert done.returncode == command.status, done.stdout
    assert command.prints(done.stdout), done.stdout


def test_the_python_examples_run_as_printed(copy: Path) -> None:
    (copy / "session.txt").write_text(
        "".join(fence.text for fence in fences(PAGE) if fence.text.startswith(">>>")), encoding="utf-8"
    )
    done = _run((sys.executable, "-m", "doctest", "session.txt"), copy)
    assert done.returncode == 0, done.stdout


def test_the_examples_are_found() -> None:
    texts = [fence.text for fence in fences(PAGE) if fence.text.startswith(">>>")]
    assert sum(len(doctest.DocTestParser().get_examples(text)) for text in texts) >= 5
