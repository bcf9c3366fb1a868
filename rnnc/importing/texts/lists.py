"""What a statement does to objects that several names may hold: lists that grow, members that are deleted."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

from rnnc.importing.python.values import Broken, Given, Names, Thunk

_CHANGING = "append extend insert pop remove reverse sort clear update setdefault popitem"
CHANGING = frozenset(_CHANGING.split())  # methods of lists and dictionaries
ADDS = {"append": "a list", "extend": "a list", "add": "a model"}  # methods that put something behind what is there


class Changes:
    """Remembers lists that have changed, so that other names which hold them are not read as they were."""

    def __init__(self) -> None:
        self._changed: list[Thunk] = []

    def of(self, name: str, names: Names) -> list[str]:
        """The other names of what `name` holds, which changes now."""
        held = _held(names.get(name))
        if held is None:
            return []
        self._changed.append(held)
        return [other for other, entry in names.items() if other != name and _held(entry) is held]

    def since(self, count: int, names: Names) -> list[str]:
        """The names that hold what has changed after the first `count` changes: in a function that was given it."""
        changed = self._changed[count:]
        return [name for name, entry in names.items() if any(_held(entry) is each for each in changed)]

    def __len__(self) -> int:
        return len(self._changed)


def _held(entry: Given | Thunk | Broken | None) -> Thunk | None:
    """What a name stands for, through other names."""
    found = entry if isinstance(entry, Thunk) else None
    while found is not None and isinstance(found.node, ast.Name):
        inner = found.names.get(found.node.id)
        if not isinstance(inner, Thunk):
            break
        found = inner
    return found


def changed_in(statement: ast.stmt) -> Iterator[str]:
    """The names that expressions of a statement change on the way: `(y := 2 * y)`, `last = cells.pop()`. Statements
    inside of it are read by themselves."""
    inner = (ast.stmt, ast.Lambda, ast.ExceptHandler, ast.match_case)
    for root in (child for child in ast.iter_child_nodes(statement) if not isinstance(child, inner)):
        for node in ast.walk(root):
            match node:
                case ast.NamedExpr(target=ast.Name(id=name)):
                    yield name
                case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr=method)) if method in CHANGING and not (
                    isinstance(statement, ast.Expr) and node is root
                ):
                    yield name
                case _:
                    pass


def deleted(statement: ast.Delete) -> Iterator[str]:
    """The names of which a statement deletes a part: `del cells[0]`."""
    for target in statement.targets:
        if isinstance(target, ast.Subscript) and (root := root_of(target)) is not None:
            yield root


def root_of(node: ast.expr) -> str | None:
    """The name that a part is of: `h` of `h[:, 0]`."""
    while isinstance(node, ast.Subscript):
        node = node.value
    return node.id if isinstance(node, ast.Name) else None


def names_of(targets: Sequence[ast.expr]) -> list[str]:
    return [node.id for target in targets for node in ast.walk(target) if isinstance(node, ast.Name)]
