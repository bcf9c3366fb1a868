"""What holds of a generated module whatever its target is."""

from __future__ import annotations

import ast
from collections import Counter

import pytest

from rnnc.compiler import compile_source
from rnnc.resources import resource_path
from rnnc.syntax.source import read_source


@pytest.mark.parametrize("target", ["numpy", "tf", "cuda"])
def test_every_name_of_a_module_is_bound_once(target: str) -> None:
    """A second function of one name would take the place of the first, or not, as the order has it."""
    text = compile_source(read_source(resource_path("examples/lstm.rnn")), target=target).text
    bound: list[str] = []
    for statement in ast.parse(text).body:
        match statement:
            case ast.FunctionDef() | ast.ClassDef():
                bound.append(statement.name)
            case ast.Assign():
                bound += [t.id for t in statement.targets if isinstance(t, ast.Name)]
            case _:
                pass
    assert [name for name, times in Counter(bound).items() if times > 1] == []
