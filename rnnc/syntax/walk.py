"""Walks over trees."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import cast

from rnnc.syntax import ast


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


def called_in(node: object) -> Iterator[str]:
    """Every name that is called in a tree: `f` of `f(x)` and of `f[k](x)`."""
    for part in nodes_in(node):
        if isinstance(part, ast.Call):
            function = part.function.base if isinstance(part.function, ast.Subscript) else part.function
            if isinstance(function, ast.Name):
                yield function.id
