"""The text itself: always the same, valid whatever the names are, and free of anything that a name could smuggle in."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from rnnc.autodiff import differentiate
from rnnc.backends.escape import Names, comment, identifier, literal, number, string
from rnnc.backends.numpy import emit
from rnnc.backends.unit import Header, Unit
from rnnc.diagnostics import DiagnosticError
from rnnc.ir.layout import Affine, ForeignArray, Leaf, WeightLayout
from rnnc.ir.model import Initialiser, MaskInfo, Model, ParameterInfo, PortInfo
from rnnc.ir.operations import Builder
from rnnc.ir.program import NO_SPANS, Axis, DType, Port, Program, Type, Value
from rnnc.ir.size import Size
from rnnc.runtime import load_module
from tests.numpy.support import EXAMPLES

NASTY = [
    "class",
    "lambda",
    'a"; import os #',
    "b'\\\n__import__('os').abort()\n",
    "# coding: utf-7\r\n\x0c\u2028x",
    "\u202e\x00{{ jinja }}{% raw %}",
    "np",
    "",
    "ünïcode",
    "T",
]


def unit(names: list[str]) -> Unit:
    """y = dropout(x @ w) with every name taken from a list."""
    param, x_name, y_name, size, units, mask, label = (names * 7)[:7]
    if size == units:
        units += "2"
    rows, columns = Axis(label, Size.of(size)), Axis(label, Size.of(units))
    x = Value(Type((rows,), DType.FLOAT, True, True), x_name)
    w = Value(Type((rows, columns)), param)
    drop = Value(Type((columns,), DType.FLOAT, True, True), mask)
    b = Builder()
    product = b.op("contract", x, w, a="i", b="io", out="o", reduce="", hint=param)
    y = b.op("tanh", b.op("dropout", product, drop, keep=0.5, hint=mask), hint=y_name)
    inputs = (Port("param", param, w), Port("input", x_name, x), Port("mask", mask, drop))
    forward = Program("forward", inputs, tuple(b.nodes), (Port("output", y_name, y),))
    both = differentiate(forward)
    model = Model(
        name=names[0],
        kind="cell",
        doc=names[-1] + '"""' + names[0],
        forward=forward,
        step=None,
        no_step=names[1 % len(names)],
        parameters=(ParameterInfo(param, (rows, columns), Initialiser("uniform", (-1.0, 1.0)), True, NO_SPANS, (0,)),),
        inputs=(PortInfo(x_name, x.type.with_(batch=False, time=False), NO_SPANS),),
        states=(),
        outputs=(PortInfo(y_name, y.type.with_(batch=False, time=False), NO_SPANS),),
        exposed=(),
        masks=(MaskInfo(mask, (columns,), 0.5, "step", NO_SPANS),),
        layouts=(
            WeightLayout(
                names[0],
                (
                    ForeignArray(
                        names[2 % len(names)],
                        Affine(Leaf(param), 2.0, 1.0),
                        (Size.of(size), Size.of(units)),
                        shards=names[3 % len(names)],
                    ),
                ),
                (),
                (),
                (),
                (),
                (),
                (),
            ),
        ),
        options=((names[0], names[1 % len(names)]),),
        sizes=(size, units),
        equations=((y_name, "\n".join(names)),),
    )
    return Unit(
        model, forward, None, both.train, both.backward, Header(names[0], names[1 % len(names)], "".join(names), "1")
    )


@pytest.mark.parametrize("first", range(len(NASTY)))
def test_names_from_a_stranger(first: int) -> None:
    names = NASTY[first:] + NASTY[:first]
    text = emit(unit(names)).text
    tree = ast.parse(text)
    allowed = (ast.Import, ast.FunctionDef, ast.ClassDef, ast.Assign)
    others = [ast.unparse(node) for node in tree.body if not isinstance(node, allowed)]
    assert others == ["np.empty(2 ** 25 - 2 ** 16, np.uint8)"], "nothing runs but definitions"
    assert [node.names[0].name for node in tree.body if isinstance(node, ast.Import)] == ["numpy"]
    called = {node.func.id for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)}
    assert "__import__" not in called
    assert text.isascii() or "ünïcode" in text
    module = load_module(text, names[0])
    sizes = dict.fromkeys(module.SPEC["sizes"], 3)
    params = module.init_params(**sizes)
    x = np.ones((2, 4, 3), np.float32)
    outputs, _, tape = module.forward_train(params, x, training=True, seed=0)
    gradients = module.backward(params, tape, outputs)
    assert set(gradients["params"]) == set(params)
    foreign = module.to_layout(names[0], params)
    assert all(np.allclose(a, params[n], atol=1e-6) for n, a in module.from_layout(names[0], foreign).items())


def test_the_encoding_cannot_be_changed_by_a_comment() -> None:
    """PEP 263 looks for a cookie in the first two lines: they are ours."""
    first, second, *_ = emit(unit(["# coding: utf-7"] * 2)).text.split("\n")
    assert "coding" not in first + second


def test_a_module_imports_numpy_only() -> None:
    tree = ast.parse(emit(unit(["w", "x", "y", "n", "m", "d", "a"])).text)
    names = [a.name for node in ast.walk(tree) if isinstance(node, ast.Import) for a in node.names]
    assert set(names) == {"numpy", "difflib"}
    assert not any(isinstance(node, ast.ImportFrom) for node in ast.walk(tree))


def test_the_same_bytes_in_every_process() -> None:
    program = (
        "import sys; from rnnc.compiler import compile_source; from rnnc.syntax.source import read_source;"
        "sys.stdout.buffer.write(compile_source(read_source(sys.argv[1])).text.encode())"
    )
    texts = [
        subprocess.run(
            [sys.executable, "-c", program, str(EXAMPLES / "lstm.rnn")],
            env={**os.environ, "PYTHONHASHSEED": seed},
            cwd=EXAMPLES.parent,
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    ]
    assert texts[0] == texts[1]
    assert texts[0]


def test_a_size_that_nothing_determines_is_an_error() -> None:
    lost = unit(["w", "x", "y", "n", "m", "d", "a"])
    with pytest.raises(DiagnosticError, match="tells the size of extra"):
        emit(replace(lost, model=replace(lost.model, sizes=(*lost.model.sizes, "extra"))))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("i.x", "i_x"),
        ("c'", "c_new"),
        ("q[0]", "q_0"),
        ("class", "class_"),
        ("1x", "v1x"),
        ("", "v"),
        ("é", "v"),
        ("sum", "sum_"),
    ],
)
def test_identifiers(text: str, expected: str) -> None:
    assert identifier(text) == expected


def test_names_are_unique() -> None:
    names = Names(["T"])
    assert [names.new(hint) for hint in ("x", "x", "x.", "T", "x_2")] == ["x", "x_2", "x_3", "T_2", "x_2_2"]


@pytest.mark.parametrize("text", NASTY)
def test_literals_and_comments(text: str) -> None:
    assert ast.literal_eval(string(text)) == text
    assert string(text).isascii()
    assert "\n" not in string(text)
    value = {text: (1, -0.5, None, True, (text,), ())}
    assert ast.literal_eval(literal(value)) == value
    lines = comment(text)
    assert all(line.startswith("#") and line.isprintable() for line in lines)
    assert ast.parse("\n".join(lines)).body == []


def test_numbers_that_have_no_literal() -> None:
    assert [number(v) for v in (float("inf"), float("-inf"), float("nan"))] == ["np.inf", "-np.inf", "np.nan"]


def test_the_same_text_is_one_module() -> None:
    assert load_module("x = 1\n", "m") is load_module("x = 1\n", "m")
    assert load_module("x = 2\n", "m") is not load_module("x = 1\n", "m")
