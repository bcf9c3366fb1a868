"""The tables of the grammar and their cache, and where the grammar is found."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import rnnc.resources
from rnnc.resources import resource_text
from rnnc.syntax import tables

_ROOT = Path(__file__).parents[2]
_PARSE = (
    "from rnnc.diagnostics import Source; from rnnc.syntax.parse import parse; parse(Source('t', 'cell A { x = 1 }'))"
)


def _run(cache: Path | str) -> None:
    environment = {**os.environ, "XDG_CACHE_HOME": str(cache)}
    command = [sys.executable, "-c", _PARSE]
    done = subprocess.run(command, cwd=_ROOT, env=environment, capture_output=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_cache_is_filled_used_and_replaceable(tmp_path: Path) -> None:
    _run(tmp_path)
    (cached,) = (tmp_path / "rnnc").iterdir()
    written = cached.stat().st_mtime_ns
    _run(tmp_path)
    assert cached.stat().st_mtime_ns == written
    assert list((tmp_path / "rnnc").iterdir()) == [cached]


@pytest.mark.parametrize("garbage", [b"", b"no cache", b"0" * 64 + b"\n" + b"\x80\x04]."])
def test_damaged_cache_is_harmless(tmp_path: Path, garbage: bytes) -> None:
    _run(tmp_path)
    (cached,) = (tmp_path / "rnnc").iterdir()
    cached.write_bytes(garbage)
    _run(tmp_path)


def test_cache_that_cannot_be_written_is_harmless(tmp_path: Path) -> None:
    (tmp_path / "rnnc").write_text("a file where the folder should be")
    _run(tmp_path)
    _run("/proc/no/such/place")


def test_every_rule_of_the_grammar_builds_something() -> None:
    """No rule is without a method of the builder: a parse tree of Lark would be left in the syntax tree."""
    ready = tables.tables()
    names = {rule.alias or rule.options.template_source or rule.origin.name for rule in ready.parser.rules}
    built = {name for name in names if not name.startswith("_")}
    transparent = {rule.origin.name for rule in ready.parser.rules if rule.options.expand1 and not rule.alias}
    assert {name for name in built - transparent if not hasattr(tables.Builder, str(name))} == set()


def test_grammar_of_an_installed_wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The package's own copy comes first; the checkout's top level is for those who have no copy."""
    assert resource_text("grammar/rnn.lark") == (_ROOT / "grammar" / "rnn.lark").read_text(encoding="utf-8")
    package = tmp_path / "rnnc"
    shutil.copytree(_ROOT / "grammar", package / "_data" / "grammar")
    monkeypatch.setattr(rnnc.resources, "_ROOTS", (package / "_data", package.parent))
    assert resource_text("grammar/rnn.lark").startswith("//")
    with pytest.raises(FileNotFoundError):
        resource_text("grammar/other.lark")
