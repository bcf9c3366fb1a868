"""Text that would keep a compiler busy for ever, or fill its memory: it ends in a diagnostic, and soon.

Most run with a smaller bound on work, so that the test is quick: what matters is that everything is counted.
"""

from __future__ import annotations

import difflib
import time
from collections.abc import Callable, Collection
from pathlib import Path

import pytest

from rnnc.compiler import check
from rnnc.diagnostics import Diagnostic, Source
from rnnc.semantics.check import FILE
from rnnc.semantics.files import MAX_DEFINITIONS, MAX_FILES, MAX_PARAMETERS
from rnnc.semantics.near import CANDIDATES, LONGEST
from rnnc.semantics.problems import SUGGESTIONS, Work
from rnnc.syntax.lexer import MAX_ERRORS

RNN = "cell R(units) {\n  input x[input]\n  state h[units]\n  h' = tanh(linear(x, h))\n  output h'\n}\n"
DEPTH = 60


def body(*lines: str) -> str:
    """A cell with these lines in it."""
    return "cell Bomb(units) {\n  input x[input]\n  state h[units]\n  h' = tanh(linear(x, h))\n  output h'\n" + (
        "\n".join(lines) + "\n}\n"
    )


def network(*lines: str) -> str:
    """A recurrent cell, and a network with these lines in it."""
    return RNN + "network N {\n  input x[4]\n" + "\n".join(lines) + "\n}\n"


def chain(first: str, then: Callable[[str, str], str], name: str = "a", n: int = DEPTH) -> str:
    """`let a0 = first`, and each next one made from the one before it."""
    lets = [f"let {name}{i} = " + then(f"{name}{i - 1}", f"{name}{i - 1}") for i in range(1, n)]
    return "\n".join([f"let {name}0 = {first}", *lets])


def functions(call: str, n: int = 39) -> str:
    """Functions that each call the one before it, as `call` says."""
    return "\n".join(
        ["fn f0(v) { return tanh(v) }", *(f"fn f{i}(v) {{ return {call.format(i - 1)} }}" for i in range(1, n))]
    )


def cells(extra: str = "") -> str:
    """Cells that each use the one before it twice."""
    text = RNN.replace("cell R", "cell C0")
    for i in range(1, 38):
        text += f"cell C{i}(units) {{\n  input x[input]\n  use a = C{i - 1}(units)\n  use b = C{i - 1}(units)\n"
        text += f"{extra}  y = a(x)\n  z = b(y)\n  output z\n}}\n"
    return text


PAIR = "cell P(a: cell, b: cell) {\n  input x[input]\n  use f = a\n  use g = b\n  y = f(x)\n  z = g(y)\n  output z\n}\n"
LAYOUT = "layout tf {{\n{}\n}}"

# name → (code, text)
BOMBS: dict[str, tuple[str, str]] = {
    "range": ("E219", body("for k in 0..10 ** 9 { q[k] = x }")),
    "long range": ("E219", body("for k in 0..100000 { q[k] = x * k }")),
    "nested for": (
        "E219", body("for a in 0..1000 { for b in 0..1000 { for c in 0..1000 { q[a, b, c] = x } } }")
    ),
    "nested empty for": ("E219", body("for a in 0..100000 { for b in 0..100000 { } }")),
    "comprehension": ("E219", body("let n = len([a for a in 0..1000 for b in 0..1000 for c in 0..1000])", "q = x * n")),
    "filter": ("E219", body("let n = len([a for a in 0..100000 for b in 0..100000 if false])", "q = x * n")),
    "arguments": ("E219", body("q = concat(x for a in 0..1000 for b in 0..1000)")),
    "lists for": ("E219", body("for a in [[b for b in 0..1000] for c in 0..1000] { }")),
    "doubled list": ("E219", body(chain("[1, 2]", "{} + {}".format), f"q = x * len(a{DEPTH - 1})")),
    "nested lists": ("E219", body(chain("[1, 2]", "[{}, {}]".format), f"q = x * len(a{DEPTH - 1})")),
    "list parameters": (
        "E219",
        "cell B(p0 = [1], " + ", ".join(f"p{i} = [p{i - 1}, p{i - 1}]" for i in range(1, DEPTH)) + ") {\n"
        "  input x[1]\n  output x\n}\n",
    ),
    "tower": ("E218", body("q = x * 9 ** 9 ** 9 ** 9")),
    "large power": ("E218", body("q = x * 10 ** 400")),
    "quotients": ("E218", body(chain("units", "{} // ({} + 1)".format), f"q = x * a{DEPTH - 1}")),
    "size": ("E218", body("state m[10 ** 30]", "m' = m")),
    "long axis": ("E208", body("state m[2 ** 61]", "m' = m")),
    "repeated axis": ("E208", "cell B {\n  input x[a: 1000]\n  q0 = x\n" + "".join(
        f"  q{i} = repeat(q{i - 1}, a, 1000000)\n" for i in range(1, 20)) + "  output x\n}\n"),
    "many axes": ("E314", "cell B {\n  input x[" + ", ".join(f"a{i}: 2" for i in range(40)) + "]\n  output x\n}\n"),
    "outer products": ("E314", body(
        "q0 = h", *(f"q{i} = outer(q{i - 1}, relabel(h, a{i}: units))" for i in range(1, 60)))),
    "many spatial axes": ("E314", "cell B {\n  input x[" + ", ".join(f"a{i}: 2" for i in range(11)) + ", c: 2]\n"
        "  q = conv(x, over = [" + ", ".join(f"a{i}" for i in range(11)) + "], kernel = 2, out = 3)\n  output q\n}\n"),
    "functions doubled": ("E219", functions("f{0}(v) + f{0}(v)") + "\n" + body("q = f38(x)")),
    "functions in functions": ("E219", functions("f{0}(f{0}(v))") + "\n" + body("q = f38(x)")),
    "recursion doubled": ("E405", "fn f(v) { return f(v) + f(v) }\n" + body("q = f(x)")),
    "fibonacci": ("E219", "fn f(n) { return n if n < 2 else f(n - 1) + f(n - 2) }\n" + body("q = x * f(35)")),
    "deep arguments": ("E405", functions("tanh(" * 40 + "f{0}(v)" + ")" * 40) + "\n" + body("q = f38(x)")),
    "cells twice": ("E219", cells()),
    "cells asked for sizes": ("E219", cells("  let n = a.output.size + b.output.size\n")),
    "equal cells": ("E219", RNN + PAIR + "cell Q {\n  input x[input]\n" + chain("R(4)", "P({}, {})".format, "p") + "\n"
        + chain("R(4)", "P({}, {})".format, "q")
        + f"\n  y = x if p{DEPTH - 1} == q{DEPTH - 1} else 2 * x\n  output y\n}}\n"),
    "stack": ("E226", network("y = stack(R(4), 10 ** 9)(x)", "output y")),
    "stack of stacks": ("E219", network("y = stack(stack(stack(R(4), 1000), 1000), 1000)(x)", "output y")),
    "stacks doubled": ("E219", network(chain("R(4)", "stack([{}, {}])".format), f"y = a{DEPTH - 1}(x)", "output y")),
    "sizes of layers": ("E219", network(
        chain("R(4)", "bidirectional({1})".format), f"y = dense(x, a{DEPTH - 1}.output.size)", "output y")),
    "variants": ("E405", RNN + "cell V0 = R with { g0 = h }\n"
        + "\n".join(f"cell V{i} = V{i - 1} with {{ g{i} = h }}" for i in range(1, 60))),
    "lets": ("E405", body(chain("1", "{} + 1".format, n=3000), "q = x * a2999")),
    "definitions": ("E219", "\n".join(f"fn f{i}(v) {{ return v }}" for i in range(MAX_DEFINITIONS + 2))),
    "unknown shapes": ("E219", body("y0 = linear(x)", *(f"y{i} = layer_norm(y{i - 1})" for i in range(1, 3000)))),
    "guesses": ("E219", body(*(f"a{i} = linear(x) * h" for i in range(5000)))),
    "layout entries": ("E219", body(LAYOUT.format(
        'for k in 0..1000 { for j in 0..1000 { "a_{k}_{j}" = h.x } }'))),
    "layout blocks": ("E219", body(LAYOUT.format('"a" = [h.x for k in 0..1000 for j in 0..1000]'))),
}  # fmt: skip


@pytest.mark.parametrize("name", BOMBS)
def test_ends_in_a_diagnostic(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Work, "LIMIT", 20_000)
    code, text = BOMBS[name]
    found, seconds = _timed(text)
    assert {d.code for d in found} == {code}, found[:3]
    assert all(d.span is not None for d in found)
    assert seconds < 4


def test_ends_soon_with_the_real_bound() -> None:
    found, seconds = _timed(BOMBS["nested for"][1])
    assert {d.code for d in found} == {"E219"}
    assert seconds < 6


# Files of many definitions, each of which alone is small: what is done for the whole file is bounded too.
MANY = {
    "variants of variants": ("E405", RNN + "\n".join(
        f"cell V{i} = {f'V{i - 1}' if i else 'R'} with {{ g{i} = h }}" for i in range(490))),
    "other names of other names": ("E405", RNN + "\n".join(
        f"cell V{i} = {f'V{i + 1}' if i < 489 else 'R'}" for i in range(490))),
    "names in a circle": ("E405", "\n".join(f"cell V{i} = V{(i + 1) % 490}" for i in range(490))),
    "functions of functions": ("E405", "fn f0(v) { return v }\n" + "\n".join(
        f"fn f{i}(v) {{ return f{i - 1}(v) }}" for i in range(1, 490))),
    "networks": ("E219", RNN + "\n".join(
        f"network N{i} {{\n  input x[4]\n  y = stack(R(4), 50)(x)\n  output y\n}}" for i in range(400))),
}  # fmt: skip


@pytest.mark.parametrize("name", MANY)
def test_many_definitions_end_in_a_diagnostic(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    done = _counted(monkeypatch)
    code, text = MANY[name]
    found = check(Source(name, text))
    assert code in {d.code for d in found} <= {code, "E219"}, found[:3]
    assert sum(work.spent for work in done) < (FILE + 2) * Work.LIMIT


def test_changes_of_a_large_body_are_counted() -> None:
    equations = "\n".join(f"  e{i} = x" for i in range(3000))
    text = RNN.replace("}\n", equations + "\n}\n") + f"cell V = R with {{\n{equations}\n}}\n"
    assert {d.code for d in check(Source("t", text))} == {"E219"}


@pytest.mark.parametrize("text", [
    "(" * 500_000 + "]" * 400_000, "[" * 900_000, "}" * 900_000, "x = (\n" * 150_000, "cell A {\n" * 100_000,
    body("q = " + "x + " * 200_000 + "x"), body("q = f" + "(x)" * 300_000), body("let n = [" + "1, " * 300_000 + "]"),
    "fn f(v) { return v }\n" * 40_000,
], ids=lambda text: text[:12])  # fmt: skip
def test_what_is_too_long_is_not_parsed(text: str) -> None:
    (found,) = check(Source("t", text))
    assert found.code == "E101"
    assert found.span is not None


@pytest.mark.parametrize("text", ["(]" * 20_000, ")" * 40_000, "cell A {\n" * 10_000, "x y\n" * 10_000])
def test_errors_of_syntax_are_told_up_to_a_number(text: str) -> None:
    assert 0 < len(check(Source("t", text))) <= 2 * MAX_ERRORS


def test_near_names_are_looked_for_a_bounded_number_of_times(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    real = difflib.get_close_matches

    def counted(word: str, among: Collection[str], n: int = 3, cutoff: float = 0.6) -> list[str]:
        asked.append(len(among))
        return real(word, among, n, cutoff)

    monkeypatch.setattr(difflib, "get_close_matches", counted)
    found = check(Source("t", body(*(f"q{i} = y{i}" for i in range(4000)))))
    assert len(found) == 4000
    assert len(asked) <= SUGGESTIONS
    assert max(asked) <= CANDIDATES
    long = "y" * (LONGEST + 1)
    assert [d.fix for d in check(Source("t", body(f"q = {long}", f"{long}y = x")))] == [None]


def test_parameters_and_axes_of_patterns_are_bounded() -> None:
    many = "fn f(" + ", ".join(f"a{i}" for i in range(MAX_PARAMETERS + 1)) + ") { return a0 }\n"
    assert [d.code for d in check(Source("t", many))] == ["E219"]
    axes = "fn f(v[" + ", ".join(f"a{i}" for i in range(13)) + "]) { return v }\n"
    assert [d.code for d in check(Source("t", axes))] == ["E314"]


def test_imports_are_bounded(tmp_path: Path) -> None:
    for i in range(MAX_FILES + 20):
        (tmp_path / f"f{i}.rnn").write_text(f'import "f{i + 1}.rnn"\n' + RNN.replace("cell R", f"cell R{i}"))
    (tmp_path / f"f{MAX_FILES + 20}.rnn").write_text(RNN)
    path = tmp_path / "f0.rnn"
    assert [d.code for d in check(Source(str(path), path.read_text()))] == ["E219"]


def test_flags_of_one_definition_hide_no_other() -> None:
    flags = "cell A(" + ", ".join(f"p{i} = false" for i in range(6)) + ") {\n  input x[3]\n  output x\n}\n"
    text = "".join(flags.replace("cell A", f"cell A{i}") for i in range(60)) + body("q = foo(x)")
    assert [d.code for d in check(Source("t", text))] == ["E205"]


# What is large and harmless is compiled: the bound is no hindrance.
LARGE = {
    "equal sizes": body(chain("units", "{} + {}".format, n=30), "q = x * a29"),
    "size products": body(chain("units + input", "{} * {}".format), "q = x * 2"),
    "equations in reverse": body(*(f"e{i} = tanh(e{i + 1})" for i in range(1000)), "e1000 = x"),
    "many operands": body("q = concat(" + ", ".join("x" for _ in range(3000)) + ")"),
    "deep conditionals": body("q = " + "(x if true else " * 95 + "x" + ")" * 95),
    "many flags": "cell B(" + ", ".join(f"p{i} = false" for i in range(40)) + ") {\n  input x[3]\n  output x\n}\n",
    "a tall stack": network("y = stack(R(4), 200)(x)", "output y"),
    "cells as parameters": RNN + PAIR + "cell Q(p0: cell = R(4), " + ", ".join(
        f"p{i}: cell = P(p{i - 1}, p{i - 1})" for i in range(1, 60)) + ") {\n  input x[input]\n  output x\n}\n",
}  # fmt: skip


@pytest.mark.parametrize("name", LARGE)
def test_what_is_large_and_harmless(name: str) -> None:
    assert [d for d in check(Source(name, LARGE[name])) if d.severity == "error"] == []


def test_a_thousand_errors_are_all_told() -> None:
    found = check(Source("t", body(*(f"e{i} = foo{i}(bar)" for i in range(1000)))))
    assert [d.code for d in found] == ["E205"] * 1000


def test_one_definition_that_is_too_large_hides_no_other() -> None:
    text = body("for k in 0..10 ** 9 { q[k] = x }") + body("q = foo(x)").replace("Bomb", "Other")
    assert [d.code for d in check(Source("t", text))] == ["E219", "E205"]


def _timed(text: str) -> tuple[list[Diagnostic], float]:
    start = time.process_time()
    found = check(Source("bomb", text))
    return found, time.process_time() - start


def _counted(monkeypatch: pytest.MonkeyPatch) -> list[Work]:
    """Every count of work that is begun from here on; the bound is small."""
    begun: list[Work] = []
    real = Work.__init__

    def begin(self: Work) -> None:
        real(self)
        begun.append(self)

    monkeypatch.setattr(Work, "LIMIT", 20_000)
    monkeypatch.setattr(Work, "__init__", begin)
    return begun
