"""The scopes that objects put in front of the names of their variables."""

from __future__ import annotations

import re

from rnnc.importing.pieces import library
from rnnc.importing.pieces.pieces import Meaning, Piece
from rnnc.importing.python.values import Made


def scope_of(made: Made) -> str | None:
    """The scope that an object's name puts in front of its variables, in the library where it does."""
    given, parameter = made.arguments.get("name"), made.constructor.parameters.get("name")
    name = given.value if given is not None else parameter and parameter.default
    has_scope = made.constructor.library == "tf" and isinstance(name, str) and re.fullmatch(r"[\w.-]+", name)
    return str(name) if has_scope else None


def declared_scopes(found: Meaning) -> set[str]:
    """The scopes that the library's layouts have for it."""
    entry = library.find(found.definition) if isinstance(found, Piece) else None
    return {scope.value for scope in entry.scopes_of("tf")} if entry is not None else set()
