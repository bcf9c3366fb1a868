"""Every example of docs/language.md is compiled; every built-in function is explained there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from rnnc.compiler import check, compile_source
from rnnc.diagnostics import Diagnostic
from rnnc.semantics.functions.builtins import BUILTINS
from rnnc.semantics.scopes.choose import definitions_of
from rnnc.syntax.parse import parse
from rnnc.syntax.printing.format import format_source
from rnnc.syntax.source import read_source

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "language.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```rnn(?: file=(\S+))?\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
GIVEN = {"Watched": {"inner": "Inner(units = 4)"}}


def shown(diagnostics: list[Diagnostic]) -> str:
    return "\n".join(f"{d.span}: {d.code} {d.message}" for d in diagnostics)


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The examples as files beside each other, so that they can import one another."""
    folder = tmp_path_factory.mktemp("language")
    paths: list[Path] = []
    for number, (name, text) in enumerate(BLOCKS):
        paths.append(folder / (name or f"example_{number}.rnn"))
        paths[-1].write_text(text, encoding="utf-8")
    return paths


@pytest.mark.parametrize("number", range(len(BLOCKS)))
def test_an_example_compiles(pages: list[Path], number: int) -> None:
    source = read_source(pages[number])
    assert shown(check(source)) == ""
    for definition in definitions_of(parse(source)):
        compiled = compile_source(source, definition.name, GIVEN.get(definition.name), verify_passes=True)
        compile(compiled.text, definition.name, "exec")


@pytest.mark.parametrize("number", range(len(BLOCKS)))
def test_an_example_stands_in_the_standard_form_twice_the_same(pages: list[Path], number: int) -> None:
    formatted = format_source(read_source(pages[number]))
    again = pages[number].with_suffix(".again.rnn")
    again.write_text(formatted, encoding="utf-8")
    assert format_source(read_source(again)) == formatted


def test_every_function_is_explained() -> None:
    prelude = parse(read_source(ROOT / "grammar" / "prelude.rnn"))
    names = {*BUILTINS, *(d.name for d in prelude.definitions if hasattr(d, "name"))}
    missing = sorted(name for name in names if not re.search(rf"\b{name}\b", PAGE))
    assert missing == []
