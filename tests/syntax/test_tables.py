"""The tables of the grammar and their cache, and where the grammar is found."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import lark
import pytest

import rnnc.resources
from rnnc.diagnostics import Diagnostics, Source
from rnnc.resources import resource_text
from rnnc.syntax import tables
from rnnc.syntax.build import Builder
from rnnc.syntax.errors.brackets import arrange
from rnnc.syntax.lexer import tokenize
from rnnc.syntax.parse import _Run
from tests.syntax.samples import SAMPLES

_ROOT = Path(__file__).parents[2]
_PARSE = (
    "from rnnc.diagnostics import Source; from rnnc.syntax.parse import parse; parse(Source('t', 'cell A { x = 1 }'))"
)


def _run(cache: Path | str, program: str = _PARSE) -> None:
    environment = {**os.environ, "XDG_CACHE_HOME": str(cache)}
    command = [sys.executable, "-c", program]
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


def test_every_rule_builds_a_node() -> None:
    """The builder has a method for every rule and alternative, and no others."""
    rules = tables.tables().rules
    named = {rule.node for rule in rules if rule.node and not (rule.is_transparent and rule.size == 1)}
    assert {name for name in vars(Builder) if not name.startswith("_")} - {"group", "marked"} == named


def test_lark_is_not_imported_where_the_tables_are_cached(tmp_path: Path) -> None:
    _run(tmp_path)
    _run(tmp_path, _PARSE + "; import sys; assert 'lark' not in sys.modules")


@pytest.mark.parametrize("name", SAMPLES)
def test_automaton_agrees_with_lark(name: str) -> None:
    """Lark's own parser, given the same tokens, completes the same rules in the same order."""
    ready = tables.tables()
    tokens = [*arrange(tokenize(Source(name, SAMPLES[name]), ready, Diagnostics()), Diagnostics())]
    reference = lark.Lark(resource_text("grammar/rnn.lark"), parser="lalr", start="file", keep_all_tokens=True)
    run = reference.parse_interactive()
    parser = _Run(Source(name, SAMPLES[name]), "file", Diagnostics())
    for at in range(len(tokens)):
        token = parser._in_context(at)
        run.feed_token(lark.Token(token.type, token.text))
        fits, _ = parser.machine.feed(token)
        assert fits
        assert parser.machine.accepts() - {"$END"} == run.accepts() - {"$END"}
        assert parser.machine.height == len(run.parser_state.state_stack)
    tree = run.feed_eof()
    _, result = parser.machine.feed(parser.tokens[-1])
    definitions = [part for part in tree.children if isinstance(part, lark.Tree)]
    assert len(definitions) == len(result.items)


def test_grammar_of_an_installed_wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The package's own copy comes first; the checkout's top level is for those who have no copy."""
    assert resource_text("grammar/rnn.lark") == (_ROOT / "grammar" / "rnn.lark").read_text(encoding="utf-8")
    package = tmp_path / "rnnc"
    shutil.copytree(_ROOT / "grammar", package / "_data" / "grammar")
    monkeypatch.setattr(rnnc.resources, "_ROOTS", (package / "_data", package.parent))
    assert resource_text("grammar/rnn.lark").startswith("//")
    with pytest.raises(FileNotFoundError):
        resource_text("grammar/other.lark")
