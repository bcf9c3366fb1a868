"""Names that a definition cannot know, wherever they stand: in branches that no default takes too, and in loops without
a turn until sizes are given. Only what can be nothing but a value or a function is looked at."""

from __future__ import annotations

from collections.abc import Iterator, Set

from rnnc.diagnostics import Diagnostics, Span
from rnnc.semantics.expressions.names import CONSTANTS
from rnnc.semantics.functions.builtins import BUILTINS, WEIGHTED
from rnnc.semantics.near import did_you_mean
from rnnc.semantics.scopes.values import Scope
from rnnc.semantics.shapes.rules.elementwise import UNARY
from rnnc.syntax import ast
from rnnc.syntax.walk import defined_names, names_in, nodes_in, statements_in


def report_unknown_words(file: ast.File, scope: Scope, diagnostics: Diagnostics) -> None:
    """An error for each that is not told already. Within `with`, and in layouts, other names mean something."""
    everywhere = scope.all_names() | set(BUILTINS) | set(CONSTANTS) | {"step"}
    brought = {name for name in BUILTINS if scope.find(name) is None}
    told = [d.span for d in diagnostics if d.span is not None]
    for definition in file.definitions:
        if not isinstance(definition, ast.Cell | ast.Network | ast.Fn):
            continue
        own = _own(definition)
        known = everywhere | own
        text = tuple(s for s in definition.body if not isinstance(s, ast.Layout))
        for name, is_called in _words(text, brought - own):
            if name.primed or name.id in known or any(_meet(name.span, span) for span in told):
                continue
            told.append(name.span)
            code, message = "E201", f"`{name.id}` is not defined"
            if is_called:
                code, message = "E205", f"there is no function or cell `{name.id}`"
            diagnostics.error(code, message, name.span, fix=did_you_mean(name.id, known), missing=name.id)


def _own(definition: ast.Cell | ast.Network | ast.Fn) -> set[str]:
    """Every word that its text gives a meaning to, in whatever branch."""
    names = {p.name for p in definition.parameters} | {c for p in definition.parameters for c in p.choices}
    for s in statements_in(definition.body):
        names.update(defined_names(s))
    for part in nodes_in((definition.parameters, definition.body)):
        match part:
            case ast.For() | ast.Clause() | ast.As():
                names.add(part.name)
            case ast.Axis(label=label, size=size):
                names.update(names_in(size))
                names.update([label] if label is not None else [])
            case ast.LabelledSize(label=label):
                names.add(label)
            case ast.Argument(name=str() as label, mark=":"):
                names.add(label)
            case ast.Damaged(words=words):
                names.update(words)
            case _:
                pass
    return names


def _words(tree: object, brought: Set[str]) -> Iterator[tuple[ast.Name, bool]]:
    """Names that are values, and (True) that are called. `brought`: functions that are the language's own here."""
    parts = list(nodes_in(tree))
    apart: list[object] = [e for e in parts if isinstance(e, ast.With | ast.Layout)]
    apart += [e.items for e in parts if isinstance(e, ast.Subscript)]  # told where it is read
    values = {part.target.name for part in parts if isinstance(part, ast.Equation)}
    values |= {part.name for part in parts if isinstance(part, ast.Declared)}
    # `x(t - 1)`: no call, as is told, and what stands in the brackets was meant otherwise
    apart += [
        e.arguments
        for e in parts
        if isinstance(e, ast.Call) and isinstance(e.function, ast.Name) and e.function.id in values
    ]
    within = {id(part) for e in apart for part in nodes_in(e)}
    for part in parts:
        if id(part) in within:
            continue
        if isinstance(part, ast.Call) and isinstance(part.function, ast.Name):
            yield part.function, True
        yield from ((e, False) for e in _values(part, brought) if isinstance(e, ast.Name))


def _values(e: ast.Node, brought: Set[str]) -> Iterator[ast.Expr | None]:
    match e:
        case ast.Binary(op="==" | "!="):
            pass  # beside what takes one of a few words, such a word is itself
        case ast.Binary(op="or", left=left) if not _is_test(left):
            yield left  # what takes its place may be such a word, too
        case ast.Binary(left=left, right=right):
            yield from (left, right)
        case ast.Unary(operand=operand):
            yield operand
        case ast.Conditional(test=test) | ast.If(test=test):
            yield test
        case ast.Range(lo=lo, hi=hi):
            yield from (lo, hi)
        case ast.Subscript(base=base):
            yield base
        case ast.Call(function=ast.Name(id=name), arguments=arguments) if name in brought:
            for a in arguments:
                is_operand = name == "linear" or (name in UNARY and a is arguments[0])
                is_truth = name in WEIGHTED and isinstance(a, ast.Argument) and a.name == "bias"
                if isinstance(a, ast.Argument) and (is_truth if a.mark == "=" else is_operand):
                    yield a.value
        case _:
            pass


def _is_test(e: ast.Expr) -> bool:
    """Is this true or false, and never none?"""
    match e:
        case ast.Binary(op="==" | "!=" | "<" | "<=" | ">" | ">=" | "and") | ast.Unary(op="not"):
            return True
        case ast.Binary(op="or", left=left):
            return _is_test(left)
        case _:
            return False


def _meet(span: Span, other: Span) -> bool:
    return span.source == other.source and span.start < other.end and other.start < span.end
