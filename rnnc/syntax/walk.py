"""Walks over trees."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Iterator
from typing import cast

from rnnc.diagnostics import Span
from rnnc.syntax import ast

# What stands for a compile-time value in the names that layouts have for arrays: `cell_{k}`.
PLACEHOLDER = re.compile(r"\{([^{}]+)\}")
_WORD = re.compile(r"[A-Za-z_]\w*")
_HEAD = re.compile(r"\w+[ \t]+(\w+)")


def nodes_in(node: object) -> Iterator[ast.Node]:
    """A tree and all of its parts."""
    match node:
        case ast.Node():
            yield node
            for each in dataclasses.fields(node):
                if each.name != "span":
                    yield from nodes_in(getattr(node, each.name))
        case tuple():
            for item in cast("tuple[object, ...]", node):
                yield from nodes_in(item)
        case _:
            pass


def names_in(node: object) -> Iterator[str]:
    """Every name that is read in a tree."""
    return (part.id for part in nodes_in(node) if isinstance(part, ast.Name))


def all_names_in(node: object) -> Iterator[str]:
    """Every name that is read in a tree, those in what layouts call arrays too: `k` of `"cell_{k + 1}"`."""
    yield from names_in(node)
    for layout in (part for part in nodes_in(node) if isinstance(part, ast.Layout)):
        for string in (part for part in nodes_in(layout) if isinstance(part, ast.String)):
            for placeholder in PLACEHOLDER.findall(string.value):
                yield from _WORD.findall(placeholder)


def called_in(node: object) -> Iterator[str]:
    """Every name that is called in a tree: `f` of `f(x)` and of `f[k](x)`."""
    for part in nodes_in(node):
        if isinstance(part, ast.Call):
            function = part.function.base if isinstance(part.function, ast.Subscript) else part.function
            if isinstance(function, ast.Name):
                yield function.id


def statements_in(body: Iterable[ast.Statement]) -> Iterator[ast.Statement]:
    """All statements of a body, those in blocks too."""
    for s in body:
        yield s
        if isinstance(s, ast.For):
            yield from statements_in(s.body)
        elif isinstance(s, ast.If):
            yield from statements_in((*s.body, *s.orelse))


def defined_names(s: ast.Statement | ast.Declared) -> Iterator[str]:
    """Every name that a statement defines, those in its blocks too."""
    match s:
        case ast.Equation() | ast.Use():
            yield s.target.name
        case ast.Declared():
            yield s.name
        case ast.Declaration():
            for item in s.items:
                yield item.name
        case ast.For() | ast.If():
            for inner in s.body if isinstance(s, ast.For) else (*s.body, *s.orelse):
                yield from defined_names(inner)
        case _:
            pass


def heading(definition: ast.Definition) -> Span:
    """The name of a definition where it is defined (a variant stands under another name than the cell that it derives
    from): a whole body under carets says nothing."""
    span = definition.span
    found = _HEAD.match(span.source.text, span.start, span.end)
    return span if found is None else Span(span.source, found.start(1), found.end(1))
