"""What the README shows is true: its cells compile, its Python runs, its commands and options exist."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

import rnnc

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
DESCRIPTIONS = [
    text for language, text in BLOCKS if not language and re.search(r"^(cell|network) ", text, re.MULTILINE)
]


@pytest.mark.parametrize("text", DESCRIPTIONS)
def test_descriptions_are_right(text: str, tmp_path: Path) -> None:
    (tmp_path / "lstm.rnn").write_text((ROOT / "examples" / "lstm.rnn").read_text(encoding="utf-8"), encoding="utf-8")
    needs_import = "LSTM" in text and "import" not in text
    path = tmp_path / "shown.rnn"
    path.write_text(('import LSTM from "lstm.rnn"\n' if needs_import else "") + text, encoding="utf-8")
    assert rnnc.check(path) == []


def test_the_session_runs_as_printed(tmp_path: Path) -> None:
    (tmp_path / "gru.rnn").write_text(DESCRIPTIONS[0], encoding="utf-8")
    (command,) = re.findall(r"^\$ rnnc (.*)$", README, re.MULTILINE)
    (script,) = (text for language, text in BLOCKS if language == "python")
    subprocess.run([sys.executable, "-m", "rnnc", *command.split()], cwd=tmp_path, check=True)
    checked = script.replace("for _ in range", "losses = []\nfor _ in range").replace(
        "    gradients =", "    losses.append(float((error**2).mean()))\n    gradients ="
    )
    checked += "assert h.shape == (32, 64)\nassert losses[-1] < 0.5 * losses[0], (losses[0], losses[-1])\n"
    subprocess.run([sys.executable, "-c", checked], cwd=tmp_path, check=True)


def test_commands_and_options_exist() -> None:
    (overview,) = (text for language, text in BLOCKS if not language and text.startswith("rnnc "))
    for line in overview.splitlines():
        command, options = re.match(r"rnnc ([a-z ]+[a-z]) ", line)[1].split(), re.findall(r"(?<=[\[ ])--?\w+", line)
        text = subprocess.run(
            [sys.executable, "-m", "rnnc", *command, "--help"], capture_output=True, text=True, check=True
        ).stdout
        assert all(option in text for option in options), (command, options)


def test_the_table_of_examples_is_complete() -> None:
    rows = re.findall(r"^\| (`.*?\.rnn`) \| (.*) \|$", README, re.MULTILINE)
    listed = {name: defined for files, defined in rows for name in re.findall(r"`(.*?)`", files)}
    assert listed.keys() == {path.name for path in (ROOT / "examples").glob("*.rnn")}
    for name, defined in listed.items():
        text = (ROOT / "examples" / name).read_text(encoding="utf-8")
        names = re.findall(r"`(\w+)`", defined)
        assert all(re.search(rf"^(cell|network) {each}\b", text, re.MULTILINE) for each in names), (name, names)


def test_links_lead_somewhere() -> None:
    assert all((ROOT / target).exists() for target in re.findall(r"\]\(([^)#:]+)\)", README))
