"""Names, strings, docstrings and file names of a stranger stay data in the generated module."""

from __future__ import annotations

import ast

import numpy as np
import pytest

from rnnc.compiler import compile_source
from rnnc.diagnostics import DiagnosticError, Source
from rnnc.runtime import load_module

# Names that mean something to Python, to NumPy, or to the text around them in the module.
NAMES = (
    "__import__", "__builtins__", "__name__", "__class__", "__doc__", "eval", "exec", "open", "print", "self", "np",
    "numpy", "lambda", "class", "def", "return_", "None_", "import_", "yield", "async", "await", "global", "nonlocal",
    "del", "try", "raise", "assert", "pass", "except", "finally", "match", "SPEC", "forward", "backward", "init_params",
    "pack", "params", "state", "lengths", "masks", "seed", "training", "tape", "batch", "T", "B", "x0", "v0", "_", "__",
    "len", "range", "dict", "zip", "TypeError", "ValueError", "float", "int",
)  # fmt: skip
TEMPLATES = ("{{ 7 * 7 }}", "{% raw %}", "{% for x in [].__class__.__mro__ %}", "{# x #}", "{x!r:>{y}}")
STRINGS = (
    "\\\"); import os; os.system(\\\"", "'''",
    "\\\\", "\\n    import os\\n", "\\\\x41\\\\u0041", "# \\n", "%s %(a)s", "'", "\\\"\\\"\\\"", "\\t", "é∑漢",
)  # fmt: skip
DOCS = (
    "a '''quoted''' doc with \\ backslashes \\n and {{ braces }} {% x %}",
    "ends in a backslash \\\\ ",
    "import os\nos.system('x')\n'''\n# comment",
    "\\N{BULLET} \\x41 \\u0041 %s",
)


def cell(name: str = "c", doc: str = "plain", string: str = "kernel", tag: str = "tag") -> str:
    """A cell that holds the name in every place that a name can stand, and the strings."""
    label = f"{name}_axis"
    return f'''"""{doc}"""
cell Cell(units = 3, tag = "{tag}") {{
  input x[{label}: 2]
  state {name}[units], h[units]
  param w_{name}[units] = ones
  gate g_{name} = sigmoid(linear(x, h) + w_{name})
  {name}' = dropout(tanh(linear(x, {name})), 0.5, mask = sequence) * g_{name}
  h' = {name}'
  output h'
  layout tf(scope = "{string}", shards = "{string}") {{
    "{string}/w" = [[g_{name}.x], [g_{name}.h]]
    "b" = g_{name}.bias
    "c" = [[{name}.x], [{name}.{name}]]
    "d" = {name}.bias
    "e" = w_{name}
    mask "{string}" = {name}
  }}
}}
'''


def compiled(text: str, file: str = "cell.rnn") -> str:
    return compile_source(Source(file, text), "Cell").text


def called(module: str) -> set[str]:
    """What a module calls (methods by their names, functions of modules with these) and imports."""
    tree = ast.parse(module)
    modules = {"np", "_np", "numpy", "os"}
    found: set[str] = set()
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Name(id=name)):
                found.add(name)
            case ast.Call(func=ast.Attribute(value=ast.Name(id=base), attr=name)) if base in modules:
                found.add(f"{base}.{name}")
            case ast.Call(func=ast.Attribute(attr=name)):
                found.add(f".{name}")
            case ast.Import(names=names):
                found |= {f"import {alias.name}" for alias in names}
            case ast.ImportFrom(module=name):
                found.add(f"import {name}")
            case _:
                pass
    return found


PLAIN = called(compiled(cell()))


@pytest.mark.parametrize("name", NAMES)
def test_names(name: str) -> None:
    text = compiled(cell(name))
    assert called(text) == PLAIN, sorted(called(text) ^ PLAIN)
    module = load_module(text, "hostile")
    params = module.init_params(seed=1, dtype="float64")
    x = np.ones((2, 4, 2))
    outputs, final = module.forward(params, x)
    plain = load_module(compiled(cell()), "plain")
    same = dict(zip(plain.init_params(seed=1, dtype="float64"), params.values(), strict=True))
    np.testing.assert_array_equal(outputs, plain.forward(same, x)[0])
    assert list(final) == [name, "h"]
    assert f"g_{name}.x" in params


@pytest.mark.parametrize("string", STRINGS)
def test_strings(string: str) -> None:
    text = compiled(cell(string=string, tag=string))
    assert called(text) == PLAIN
    module = load_module(text, "hostile")
    params = module.init_params(seed=1)
    arrays = module.to_layout("tf", params)
    value = ast.literal_eval(f'"{string}"')
    assert any(value in key for key in arrays), list(arrays)
    back = module.from_layout("tf", arrays)
    assert {k: v.tolist() for k, v in back.items()} == {k: v.tolist() for k, v in params.items()}


@pytest.mark.parametrize("template", TEMPLATES)
def test_templates(template: str) -> None:
    """What other layers would put values into is text; in a layout braces hold compile-time expressions only."""
    text = compiled(cell(doc=template, tag=template))
    assert called(text) == PLAIN
    assert template in text
    load_module(text, "hostile")
    if template != "{{ 7 * 7 }}":
        with pytest.raises(DiagnosticError, match="E509"):
            compiled(cell(string=template))


@pytest.mark.parametrize("doc", DOCS)
def test_docstrings(doc: str) -> None:
    text = compiled(cell(doc=doc))
    assert called(text) == PLAIN
    load_module(text, "hostile")


@pytest.mark.parametrize(
    "file", ['a"""b.rnn', "a\nimport os\n.rnn", "{{ 7 * 7 }}.rnn", "a\\N{BULLET}.rnn", "\r\x85\u2028import os"]
)
def test_file_names(file: str) -> None:
    text = compiled(cell(), file)
    assert called(text) == PLAIN
    load_module(text, "hostile")


def test_options_as_python_strings() -> None:
    """Text from `-D` and from Python reaches the head of the module and nothing else."""
    evil = 'x"\n"""\nimport sys\n#'
    source = Source("cell.rnn", cell())
    spelled = evil.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    text = compile_source(source, "Cell", {"tag": f'"{spelled}"'}).text
    assert called(text) == PLAIN
    assert not any(line.startswith("import sys") for line in text.splitlines())
