"""`rnnc.compile` and `rnnc.check`: what a path is, what a text is, and where a text imports from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import rnnc

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
TEXT = 'import GRU from "gru.rnn"\nnetwork Last(units = 4) {\n  input x[3]\n  output last(GRU(units)(x))\n}\n'


def test_a_path_a_path_with_a_name_and_a_text() -> None:
    file = EXAMPLES / "gru.rnn"
    names = {rnnc.compile(each, units=4).SPEC["name"] for each in (file, str(file), file.read_text(encoding="utf-8"))}
    assert names == {"GRU"}
    assert rnnc.compile(f"{EXAMPLES / 'indrnn.rnn'}:IndyGRU", units=4).SPEC["name"] == "IndyGRU"


def test_a_text_imports_from_the_current_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(EXAMPLES)
    assert set(rnnc.compile(TEXT).SPEC["inputs"]) == {"x"}
    assert rnnc.check(TEXT) == []
    monkeypatch.chdir(tmp_path)
    (found,) = rnnc.check(TEXT)
    assert (found.code, found.fix) == ("E235", "paths begin at the current folder")


def test_lines_of_a_text_may_end_in_any_way() -> None:
    text = "cell A {\r\n  input x[2]\r  state h[2]\n  h' = x + h\n  output h'\n}"
    assert rnnc.compile(text).SPEC["hash"] == rnnc.compile(text.replace("\r\n", "\n").replace("\r", "\n")).SPEC["hash"]


@pytest.mark.parametrize(("text", "code"), [("{\0", "E102"), ("{\ud800", "E102"), ("{" * 1_000_001, "E101")])
def test_a_text_is_held_to_what_a_file_is(text: str, code: str) -> None:
    with pytest.raises(rnnc.DiagnosticError) as caught:
        rnnc.compile(text)
    assert [d.code for d in caught.value.diagnostics] == [code]


@pytest.mark.parametrize("given", [None, 3, b"cell A { }"])
def test_what_is_no_description(given: Any) -> None:
    with pytest.raises(TypeError, match="a description is its text or the path of a file, not"):
        rnnc.compile(given)


@pytest.mark.parametrize(
    ("word", "given", "said"),
    [
        ("name", 3, "name is that of a definition, a text, not 3"),
        ("expose", None, "expose is names, several or one text of them, not None"),
        ("no_passes", [3], "no_passes is names"),
        ("options", ["a"], "options are parameters by name, a dict, not list"),
        ("units", {}, "the language has numbers, truth values, names and lists of them, not {}"),
    ],
)
def test_what_is_no_argument(word: str, given: Any, said: str) -> None:
    with pytest.raises(TypeError, match=said):
        rnnc.compile(EXAMPLES / "gru.rnn", **{word: given})


def test_which_definition_is_asked_for_as_the_text_was_given() -> None:
    text = "cell A {\n  input x[2]\n  output x\n}\ncell B {\n  input x[2]\n  output 2 * x\n}\n"
    with pytest.raises(rnnc.DiagnosticError, match="name='A'"):
        rnnc.compile(text)


def test_values_of_numpy_are_values_and_functions_are_given_by_name() -> None:
    head, body = "cell A(n, sizes = [1], on = false, act: fn = tanh)", "output act(x) * sum(sizes) if on else x"
    text = f"{head} {{\n  input x[n]\n  {body}\n}}"
    options = rnnc.compile(text, n=np.int64(3), sizes=np.array([2, 3]), on=np.True_, act="relu").SPEC["options"]
    assert options == {"n": "3", "sizes": "[2, 3]", "on": "true", "act": "relu"}
    with pytest.raises(TypeError, match="are given by their names in the language, 'tanh', not as"):
        rnnc.compile(text, n=3, act=np.tanh)
    with pytest.raises(ValueError, match="--save takes all, states or every=K"):
        rnnc.compile(text, n=3, save=3)  # type: ignore[arg-type]
