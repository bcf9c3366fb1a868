"""The names that objects give their variables: the scopes in front of these, and what cannot be said of them."""

from __future__ import annotations

import re
from collections.abc import Iterator

from rnnc.importing.pieces import library
from rnnc.importing.pieces.network import Meaning
from rnnc.importing.pieces.pieces import Piece
from rnnc.importing.python.signature import LEFT_OUT
from rnnc.importing.python.values import Made, Reference


def scope_of(made: Made) -> str | None:
    """The scope that an object's name puts in front of its variables, in the library where it does."""
    given, parameter = made.arguments.get("name"), made.constructor.parameters.get("name")
    name = given.value if given is not None and given.value is not None else parameter and parameter.default
    has_scope = made.constructor.library == "tf" and isinstance(name, str) and re.fullmatch(r"[\w.][\w./-]*", name)
    return str(name) if has_scope else None


def declared_scopes(found: Meaning) -> set[str]:
    """The scopes that the library's layouts have for it."""
    if not isinstance(found, Piece):
        return set()
    entry, layout = library.find(found.definition), found.layout or "tf"
    own = library.find(entry.base) if layout == "tf" and entry.base is not None else entry
    return {scope.value for scope in own.scopes_of(layout)}


def left_out(made: Made, *, is_named: bool) -> Iterator[str]:
    """What is told of the arguments of an object that no description has. `is_named`: its name is read, where it is
    known."""
    for name in made.passed:
        given = made.arguments.get(name)
        if name != "name":
            yield f"`{name}` of {made.constructor.name} is left out: {LEFT_OUT[name]}"
        elif given is not None and isinstance(given.value, Reference):
            what = f"`name` of {made.constructor.name}, `{given.value.path}`, is not known"
            yield f"{what}: its weights have other names than the description says"
        elif not is_named and (given is None or given.value is not None):
            yield f"`{name}` of {made.constructor.name} is left out: {LEFT_OUT[name]}"
