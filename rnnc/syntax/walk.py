"""Walks over trees."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import cast

from rnnc.syntax import ast


def names_in(node: object) -> Iterator[str]:
    """Every name that is read in a tree."""
    match node:
        case ast.Name(id=name):
            yield name
        case ast.Node():
            for each in dataclasses.fields(node):
                if each.name != "span":
                    yield from names_in(getattr(node, each.name))
        case tuple():
            for item in cast("tuple[object, ...]", node):
                yield from names_in(item)
        case _:
            pass
