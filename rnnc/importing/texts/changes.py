"""What a statement does to objects that several names may hold: lists that grow, members that are deleted."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

from rnnc.importing.python.values import Broken, Given, Names, Thunk


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
