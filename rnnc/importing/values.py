"""What the text of a call is evaluated to. Objects have an identity, as in Python: `[cell] * 2` is one cell twice."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from rnnc.diagnostics import Diagnostic, DiagnosticError, Note, Span

if TYPE_CHECKING:
    import ast

    from rnnc.importing.signature import Constructor


@dataclass(frozen=True)
class Reference:
    """A dotted name that nothing in the text defines: `tf.nn.relu`."""

    path: str

    @property
    def last(self) -> str:
        return self.path.rpartition(".")[2]


@dataclass(frozen=True)
class Given:
    """A value and where it is written."""

    value: Value
    span: Span


@dataclass(frozen=True, eq=False)
class Made:
    """One object: a call of a constructor that the tables know."""

    constructor: Constructor
    arguments: Mapping[str, Given]  # those that were passed and matter
    passed: tuple[str, ...]  # all that were passed
    span: Span


@dataclass(frozen=True, eq=False)
class Applied:
    """A layer that is called on something: on data, or on what other layers give."""

    layer: Given
    inputs: tuple[Applied, ...] = ()

    @property
    def layers(self) -> list[Given] | None:
        """All layers from the data on, where none has several inputs."""
        if len(self.inputs) > 1:
            return None
        before = self.inputs[0].layers if self.inputs else []
        return [*before, self.layer] if before is not None else None


@dataclass(frozen=True, eq=False)
class Function:
    """A `lambda` with the names that it closes over; `evaluate` gives values of expressions in it."""

    node: ast.Lambda
    names: Names
    span: Span
    evaluate: Callable[[ast.expr], Given]
    is_outermost: bool = False  # it reads names of the text as they are where it is called


@dataclass(frozen=True, eq=False)
class Partial:
    """`functools.partial(function, …)`."""

    function: Given
    arguments: Sequence[Given]
    keywords: Mapping[str, Given]


@dataclass(frozen=True, eq=False)
class Record:
    """Values by name: a class of constants, an object of it, a `dict`."""

    fields: Names
    is_class: bool = False


@dataclass
class Thunk:
    """A value that is computed when it is first read, with the names that it reads, and all names of its line."""

    node: ast.expr
    names: Names
    line: Names
    value: Given | None = None


@dataclass(frozen=True)
class Broken:
    """What a name is whose value could not be read."""

    error: DiagnosticError


Names: TypeAlias = "Mapping[str, Given | Thunk | Broken]"
Value: TypeAlias = (
    "bool | int | float | str | list[Given] | Reference | Made | Applied | Function | Partial | Record | None"
)


@dataclass
class Remarks:
    """What a person should know of a call that the description does not say, each once."""

    lines: dict[str, None] = field(default_factory=dict[str, None])

    def add(self, line: str) -> None:
        self.lines.setdefault(line)


def describe(value: object) -> str:
    """A value in words, for messages."""
    match value:
        case None | bool() | int() | float():
            return repr(value)
        case str():
            return "a string"
        case list():
            return "a list"
        case Reference(path=path):
            return f"`{path}`"
        case Made(constructor=constructor):
            return f"`{constructor.name}(…)`"
        case Applied():
            return "what a layer gives"
        case Record():
            return "an object of your own"
        case _:
            return "a function of your own"


def problem(
    code: str, message: str, span: Span | None, *, fix: str | None = None, notes: tuple[Note, ...] = ()
) -> DiagnosticError:
    """The error to raise."""
    return DiagnosticError([Diagnostic(code, message, span, notes, fix)])
