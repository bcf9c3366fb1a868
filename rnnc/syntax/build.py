"""From rules to nodes: one method for each rule or alternative of `grammar/rnn.lark`, called as the parser reduces it.

The parser keeps every token, so a method sees its rule part by part; optional parts that are missing are None. Every
part has a span, and a node's span runs from its first part to its last. What the grammar cannot refuse is refused here.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, NoReturn, TypeVar

from rnnc.diagnostics import Diagnostic, DiagnosticError, Span
from rnnc.syntax import ast
from rnnc.syntax.literals import number_value, string_value
from rnnc.syntax.tokens import Token

_T = TypeVar("_T")
_Word = TypeVar("_Word", bound=str)
Parts = list[Any]  # tokens, nodes, groups and None

_CONSTANTS = {"none": None, "true": True, "false": False}

_PATH = re.compile(r"[A-Za-z_]\w*(\[\d+(,\d+)*\])*(\.[A-Za-z_]\w*(\[\d+(,\d+)*\])*)*")  # what options name


@dataclass(frozen=True, slots=True)
class Group:
    """A part that is no node of its own: the items of a bracket or block, and its span."""

    items: tuple[Any, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Definitions:
    """What a file holds; the span of an empty file is the parser's to give."""

    items: tuple[ast.Definition, ...]
    doc: str | None


def _span(parts: Sequence[Any]) -> Span:
    present = [part for part in parts if part is not None]
    return present[0].span.to(present[-1].span)


def _nodes(parts: Sequence[Any]) -> tuple[Any, ...]:
    """The nodes among the parts; what lies between them is punctuation."""
    return tuple(part for part in parts if isinstance(part, ast.Node))


def _of(kind: type[_T], parts: Sequence[Any]) -> tuple[_T, ...]:
    return tuple(part for part in parts if isinstance(part, kind))


def _items(group: Group | None) -> tuple[Any, ...]:
    return group.items if group else ()


def _refuse(code: str, message: str, span: Span, fix: str | None = None) -> NoReturn:
    raise DiagnosticError([Diagnostic(code, message, span, fix=fix)])


_TRUTH = "what is true or false is kept as 1 or 0: declare it `: int`, and read it by a comparison, `v > 0`"


def _one_of(word: Token, allowed: tuple[_Word, ...], what: str) -> _Word:
    """The word's text, which must be one of the allowed ones."""
    for choice in allowed:
        if choice == word.text:
            return choice
    near = difflib.get_close_matches(word.text, allowed, n=1)
    choices = ", ".join(f"`{choice}`" for choice in allowed)
    fix = f"did you mean `{near[0]}`?" if near else _TRUTH if word.text.startswith("bool") else None
    _refuse("E146", f"{what} is one of {choices}, not `{word.text}`", word.span, fix)


def _word(word: Token) -> tuple[str, bool]:
    """The name in a NAME or PRIMED token, and whether it is primed."""
    return word.text.removesuffix("'"), word.type == "PRIMED"


def _doc(word: Token) -> str:
    return word.text[3:-3]


class Builder:
    """Builds the nodes. It has no state: tokens know their source."""

    # --- files and definitions -------------------------------------------------------------------------------------

    def file(self, parts: Parts) -> Definitions:
        doc = _doc(parts[0]) if parts and isinstance(parts[0], Token) else None
        return Definitions(_nodes(parts), doc)

    def documented(self, parts: Parts) -> ast.Definition:
        doc, definition = parts
        return replace(definition, doc=_doc(doc))

    def fn(self, parts: Parts) -> ast.Fn:
        _, name, parameters, body = parts
        return ast.Fn(name.text, parameters.items, body.items, span=_span(parts))

    def cell(self, parts: Parts) -> ast.Cell:
        _, name, parameters, body = parts
        return ast.Cell(name.text, _items(parameters), body.items, span=_span(parts))

    def variant(self, parts: Parts) -> ast.Variant:
        _, name, parameters, _, base = parts
        return ast.Variant(name.text, _items(parameters), base, span=_span(parts))

    def network(self, parts: Parts) -> ast.Network:
        _, name, parameters, body = parts
        return ast.Network(name.text, _items(parameters), body.items, span=_span(parts))

    def file_import(self, parts: Parts) -> ast.Import:
        path = parts[-1]
        names = _of(ast.ImportName, parts)
        text = ast.String(string_value(path.text), span=path.span)
        return ast.Import(text, names or None, span=_span(parts))

    def imported(self, parts: Parts) -> ast.ImportName:
        name, _, alias = parts
        return ast.ImportName(name.text, (alias or name).text, span=_span(parts))

    # --- parameters ------------------------------------------------------------------------------------------------

    def group(self, parts: Parts) -> Group:
        return Group(_nodes(parts), _span(parts))

    parameters = axes = block = layout_block = group

    def parameter(self, parts: Parts) -> ast.Parameter:
        name, axes, _, kind, _, default = parts
        words: tuple[str, ...] = _items(kind)
        (word,) = words if len(words) == 1 else (None,)
        return ast.Parameter(
            name.text,
            axes=axes.items if axes else None,
            kind=word if word == "cell" or word == "fn" else None,
            choices=words if word is None else (),
            default=default,
            span=_span(parts),
        )

    def kind(self, parts: Parts) -> Group:
        return Group(tuple(part.text for part in parts[::2]), _span(parts))

    # --- statements ------------------------------------------------------------------------------------------------

    def equation(self, parts: Parts) -> ast.Equation:
        target, _, value = parts
        return ast.Equation("plain", target, value, span=_span(parts))

    def gate(self, parts: Parts) -> ast.Equation:
        _, target, _, value = parts
        return ast.Equation("gate", target, value, span=_span(parts))

    def let(self, parts: Parts) -> ast.Equation:
        _, target, _, value = parts
        return ast.Equation("let", target, value, span=_span(parts))

    def use(self, parts: Parts) -> ast.Use:
        _, target, _, cell = parts
        return ast.Use(target, cell, span=_span(parts))

    def carry(self, parts: Parts) -> ast.Carry:
        _, target, _, value = parts
        return ast.Carry(target, value, span=_span(parts))

    def carried(self, parts: Parts) -> ast.Target:
        instance, *path = _nodes(parts)
        return replace(instance, path=tuple(path), span=_span(parts))

    def target(self, parts: Parts) -> ast.Target:
        name, primed = _word(parts[0])
        return ast.Target(name, primed, _nodes(parts), span=_span(parts))

    def declaration(self, parts: Parts) -> ast.Declaration:
        return ast.Declaration(parts[0].text, _nodes(parts), span=_span(parts))

    def declared(self, parts: Parts) -> ast.Declared:
        name, *brackets, _, dtype, _, per, _, init = parts
        brackets = _of(Group, brackets)
        if not brackets:
            fix = f"`{name.text}[]` is one number, `{name.text}[units]` a vector"
            _refuse("E145", f"`{name.text}` is declared without its axes", name.span, fix)
        *families, axes = brackets
        labelled = [axis for family in families for axis in family.items if axis.label]
        if labelled:
            _refuse("E145", "indices of a family have no labels; the last bracket holds the axes", labelled[0].span)
        return ast.Declared(
            name.text,
            indices=tuple(axis.size for family in families for axis in family.items),
            axes=axes.items,
            dtype=_one_of(dtype, ("float", "int"), "the type of a value") if dtype else "float",
            init=init,
            per_row=per is not None and _one_of(per, ("row",), "what an input stands once for") == "row",
            span=_span(parts),
        )

    def axis(self, parts: Parts) -> ast.Axis:
        label, _, size = parts
        return ast.Axis(label.text if label else None, size, span=_span(parts))

    def output(self, parts: Parts) -> ast.Output:
        return ast.Output(_nodes(parts), span=_span(parts))

    def output_item(self, parts: Parts) -> ast.OutputItem:
        name, _, value = parts
        return ast.OutputItem(value, name.text if name else None, span=_span(parts))

    def result(self, parts: Parts) -> ast.Return:
        return ast.Return(parts[1], span=_span(parts))

    def drop(self, parts: Parts) -> ast.Drop:
        return ast.Drop(_nodes(parts), span=_span(parts))

    def for_statement(self, parts: Parts) -> ast.For:
        _, name, _, values, body = parts
        return ast.For(name.text, values, body.items, span=_span(parts))

    def if_statement(self, parts: Parts) -> ast.If:
        _, test, body, _, orelse = parts
        otherwise = (orelse,) if isinstance(orelse, ast.If) else _items(orelse)
        return ast.If(test, body.items, otherwise, span=_span(parts))

    # --- layouts ---------------------------------------------------------------------------------------------------

    layout_for = for_statement
    layout_if = if_statement

    def layout(self, parts: Parts) -> ast.Layout:
        _, name, options, body = parts
        for option in _items(options):
            if not isinstance(option, ast.Argument) or option.mark != "=":
                _refuse("E142", "options of a layout have names", option.span, 'such as `scope = "lstm_cell"`')
        return ast.Layout(name.text, _items(options), body.items, span=_span(parts))

    def entry(self, parts: Parts) -> ast.Entry:
        foreign, _, value = parts
        return ast.Entry(self.string([foreign]), value, span=_span(parts))

    def scope(self, parts: Parts) -> ast.Scope:
        _, target, _, name = parts
        return ast.Scope(target, self.string([name]), span=_span(parts))

    def order(self, parts: Parts) -> ast.Order:
        _, kind, _, value = parts
        return ast.Order(_one_of(kind, ("state", "input", "output"), "what has an order"), value, span=_span(parts))

    def mask(self, parts: Parts) -> ast.MaskName:
        _, foreign, _, target = parts
        return ast.MaskName(self.string([foreign]), target, span=_span(parts))

    # --- expressions -----------------------------------------------------------------------------------------------

    def conditional(self, parts: Parts) -> ast.Conditional:
        value, _, test, *rest = parts
        return ast.Conditional(value, test, rest[1] if rest else None, span=_span(parts))

    def binary(self, parts: Parts) -> ast.Binary:
        left, operator, right = parts
        return ast.Binary(operator.text, left, right, span=_span(parts))

    def unary(self, parts: Parts) -> ast.Unary:
        operator, operand = parts
        return ast.Unary(operator.text, operand, span=_span(parts))

    def range(self, parts: Parts) -> ast.Range:
        lo, _, hi = parts
        return ast.Range(lo, hi, span=_span(parts))

    def naming(self, parts: Parts) -> ast.As:
        call, _, name = parts
        return ast.As(call, name.text, span=_span(parts))

    def derived(self, parts: Parts) -> ast.With:
        base, _, body = parts
        return ast.With(base, body.items, span=_span(parts))

    def member(self, parts: Parts) -> ast.Subscript:
        base, *items = parts
        return ast.Subscript(base, _nodes(items), span=_span(parts))

    def place(self, parts: Parts) -> ast.Slice:
        axis, _, at = parts
        return ast.Slice(axis.text, at, None, False, span=_span(parts))

    def slice(self, parts: Parts) -> ast.Slice:
        axis, _, lo, _, hi = parts
        return ast.Slice(axis.text, lo, hi, True, span=_span(parts))

    def attribute(self, parts: Parts) -> ast.Attribute:
        base, _, word = parts
        name, primed = _word(word)
        return ast.Attribute(base, name, primed, span=_span(parts))

    def name(self, parts: Parts) -> ast.Name:
        name, primed = _word(parts[0])
        return ast.Name(name, primed, span=parts[0].span)

    def number(self, parts: Parts) -> ast.Number:
        (word,) = parts
        return ast.Number(number_value(word.text, word.span), word.text, span=word.span)

    def string(self, parts: Parts) -> ast.String:
        (word,) = parts
        return ast.String(string_value(word.text), span=word.span)

    def constant(self, parts: Parts) -> ast.Constant:
        (word,) = parts
        return ast.Constant(_CONSTANTS[word.text], span=word.span)

    def parenthesis(self, parts: Parts) -> ast.Expr:
        return replace(parts[1], span=_span(parts))

    def list(self, parts: Parts) -> ast.List:
        return ast.List(_nodes(parts), span=_span(parts))

    def labelled_size(self, parts: Parts) -> ast.LabelledSize:
        label, _, size = parts
        return ast.LabelledSize(label.text, size, span=_span(parts))

    def comprehension(self, parts: Parts) -> ast.Comprehension:
        value, *clauses = parts
        return ast.Comprehension(value, tuple(clauses), span=_span(parts))

    def clause(self, parts: Parts) -> ast.Clause:
        _, name, _, values, _, test = parts
        return ast.Clause(name.text, values, test, span=_span(parts))

    # --- calls -----------------------------------------------------------------------------------------------------

    def call(self, parts: Parts) -> ast.Call:
        function, arguments = parts
        return ast.Call(function, arguments.items, span=_span(parts))

    def arguments(self, parts: Parts) -> Group:
        """The arguments; plain names after `shared over k` belong to it."""
        items: Any = []
        for item in _nodes(parts):
            if isinstance(item, ast.Comprehension):  # the sole argument, in the parentheses of the call
                item = ast.Argument(item, span=item.span)
            before = items[-1] if items else None
            name = _plain_name(item)
            if isinstance(before, ast.SharedOver) and name is not None:
                items[-1] = ast.SharedOver((*before.names, name), span=before.span.to(item.span))
            else:
                items.append(item)
        return Group(tuple(items), _span(parts))

    def positional(self, parts: Parts) -> ast.Argument:
        (value,) = parts
        return ast.Argument(value, span=value.span)

    def marked(self, parts: Parts) -> ast.Argument:
        name, mark, value = parts
        return ast.Argument(value, name.text, mark.text, span=_span(parts))

    labelled = marked

    def option(self, parts: Parts) -> ast.Argument:
        """`name = v`, or `f.h = v` for the state of an inner cell."""
        target, mark, value = parts
        name = re.sub(r"\s", "", target.span.text)
        if not _PATH.fullmatch(name):
            _refuse("E133", "`=` defines, it does not compare", mark.span, "write `==`")
        return ast.Argument(value, name, mark.text, span=_span(parts))

    def shared(self, parts: Parts) -> ast.SharedOver:
        return ast.SharedOver((parts[2].text,), span=_span(parts))


def _plain_name(item: ast.Argument | ast.SharedOver) -> str | None:
    """The name that an argument consists of, if it does."""
    if isinstance(item, ast.Argument) and item.mark is None and isinstance(item.value, ast.Name):
        return None if item.value.primed else item.value.id
    return None
