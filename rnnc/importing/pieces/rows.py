"""Rows of tables: constructors that are definitions of the library, and what the options of these are read from."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from rnnc.importing.pieces.lowering import Call, Constructor
from rnnc.importing.pieces.network import Meaning
from rnnc.importing.pieces.pieces import Piece, piece

Text = str | None | Piece  # None: the default of the library's definition


@dataclass(frozen=True)
class Read:
    """One option of a cell of the library: which parameter it comes from, and how."""

    parameter: str
    text: Callable[[Call, str], Text]


Option = Read | str
Lower = Callable[[Call], Meaning]


def size(parameter: str) -> Read:
    return Read(parameter, lambda call, name: str(call.size(name)))


def optional_size(parameter: str) -> Read:
    return Read(parameter, lambda call, name: str(call.size(name)) if call.has(name) else None)


def number(parameter: str) -> Read:
    return Read(parameter, lambda call, name: spelled(call.number(name)))


def whole(parameter: str) -> Read:
    return Read(parameter, lambda call, name: str(call.whole(name)))


def limit(parameter: str) -> Read:
    """A limit of a clip: positive, or none."""

    def text(call: Call, name: str) -> str | None:
        if not call.has(name):
            return None
        if call.number(name) <= 0:
            raise call.wrong(name, "a positive number or None")
        return spelled(call.number(name))

    return Read(parameter, text)


def flag(parameter: str) -> Read:
    return Read(parameter, lambda call, name: "true" if call.flag(name) else "false")


def fraction(parameter: str) -> Read:
    return Read(parameter, lambda call, name: spelled(call.fraction(name)))


def function(parameter: str) -> Read:
    """An activation; None is what the cell has by itself."""
    return Read(parameter, lambda call, name: call.function(name))


def function_or_identity(parameter: str) -> Read:
    return Read(parameter, lambda call, name: call.function(name) or "identity")


def inner(parameter: str, *, further: bool = False) -> Read:
    return Read(parameter, lambda call, name: call.cell(name, further=further))


def sizes(parameter: str) -> Read:
    return Read(parameter, lambda call, name: listed(map(str, call.numbers(name, 1))))


def bound(
    call: Call, definition: str, options: Mapping[str, Option], *, scope: str | None = None, layout: str | None = None
) -> Piece:
    """A definition of the library with each option read from the call. Inside of another cell, the names of variables
    have to be right: under a `scope` that is not the definition's own, or of another layout of it than `tf`."""
    arguments: dict[str, str | Piece | list[Piece]] = {}
    for option, read in options.items():
        value = read if isinstance(read, str) else read.text(call, read.parameter)
        if value is not None:
            arguments[option] = value
    found = piece(definition, arguments)
    return found if call.inside is None else replace(found, scope=scope, layout=layout)


def row(library: str, name: str, signature: str, definition: str, /, **options: Option) -> Constructor:
    """A constructor that is one definition of the library."""
    reads = frozenset(read.parameter for read in options.values() if isinstance(read, Read))
    return Constructor(name, library, signature, reads, lambda call: bound(call, definition, options))


def spelled(value: float) -> str:
    """A number as the language writes it."""
    return repr(value)


def listed(texts: Iterable[str]) -> str:
    return f"[{', '.join(texts)}]"
