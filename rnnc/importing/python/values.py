"""What the text of a call is evaluated to. Objects have an identity, as in Python: `[cell] * 2` is one cell twice."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TypeAlias

from rnnc.diagnostics import Diagnostic, DiagnosticError, Note, Span
from rnnc.importing.equations import Built, Equations
from rnnc.importing.python.moments import Moment, now
from rnnc.importing.python.signature import EXTRA, Parameter, parameters_of, several_of


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


@dataclass(frozen=True)
class Callee:
    """A class or function of a library that texts call: its signature, and which of its parameters are read."""

    name: str
    library: str
    signature: str | None  # None: whatever is passed is not read
    reads: frozenset[str]
    # what states it has, where others can be given them
    states: Callable[[Made], tuple[str, ...]] | None = field(default=None, kw_only=True)

    @property
    def is_activation(self) -> bool:
        """Whether it gives a function of single numbers, which a cell can have as its activation."""
        return False

    @cached_property
    def parameters(self) -> Mapping[str, Parameter]:
        """All parameters by name, in order."""
        return {parameter.name: parameter for parameter in parameters_of(self.signature or "")}

    @cached_property
    def several(self) -> str | None:
        """The parameter that takes all further arguments in order, `*layers`."""
        return several_of(self.signature or "")

    @cached_property
    def takes_more(self) -> bool:
        return self.signature is None or self.signature.rstrip(" ,").endswith("**kwargs")

    def takes(self, keyword: str) -> bool:
        """Whether a call may pass this keyword."""
        return keyword in self.parameters or (self.takes_more and (keyword in EXTRA or self.signature is None))


@dataclass(frozen=True, eq=False)
class Made:
    """One object: a call of a constructor that the tables know."""

    constructor: Callee
    arguments: Mapping[str, Given]  # those that were passed and matter
    passed: tuple[str, ...]  # all that were passed
    span: Span
    origin: str = ""  # which version of its library a text means, as far as its imports tell
    moment: Moment = field(default_factory=now)  # when it is made


@dataclass(frozen=True, eq=False)
class Tensor:
    """What a network computes on its way, or is given."""


@dataclass(frozen=True, eq=False)
class Incoming(Tensor):
    """What a model is given: an argument of its own function, and its place among these; of one that is taken apart,
    `src, trg = inputs`, the parts."""

    name: str
    place: int
    parts: dict[int, Incoming] = field(default_factory=dict[int, "Incoming"])

    def part(self, k: int) -> Incoming:
        return self.parts.setdefault(k, Incoming(f"{self.name}_{k + 1}", self.place + k))


@dataclass(frozen=True, eq=False)
class Applied(Tensor):
    """A layer that is called on something: on `data`, as the text has it, or on what other layers give. `state` is what
    it begins with. `is_sign`: the text has a sign in its place, `x + y`."""

    layer: Given
    inputs: tuple[Tensor, ...] = ()
    state: Given | None = None
    data: str = "x"
    is_sign: bool = False

    @property
    def layers(self) -> list[Given] | None:
        """All layers from the data on, where none has several inputs, nor more than what the one before gives."""
        if len(self.inputs) > 1 or self.state is not None:
            return None
        if not self.inputs:
            return [self.layer]
        one = self.inputs[0]
        if isinstance(one, Incoming):
            return [self.layer]
        before = one.layers if isinstance(one, Applied) else None
        return [*before, self.layer] if before is not None else None


@dataclass(frozen=True, eq=False)
class Computed(Tensor):
    """What functions and operators make of other tensors; `build` tells how, when these have names. `shares`: the
    tensor that it is a view of, or may be: what changes one in place changes both. `alike`: one that has as many
    features."""

    inputs: tuple[Tensor, ...]
    build: Callable[[Equations, Sequence[Built]], Built]
    shares: Tensor | None = None
    alike: Tensor | None = None


@dataclass(frozen=True, eq=False)
class Outputs(Tensor):
    """Several that a model gives."""

    parts: tuple[Tensor, ...]


@dataclass(frozen=True, eq=False)
class Functional:
    """A model that is told by its tensors, `keras.Model(inputs, outputs)`; `inputs`: None where nothing tells them."""

    inputs: tuple[Tensor, ...] | None
    outputs: Tensor
    span: Span


@dataclass(frozen=True, eq=False)
class Final(Tensor):
    """A state of a recurrent layer after the last step: its name, and of which of the layers and directions it is."""

    of: Applied
    state: str
    place: int


@dataclass(frozen=True, eq=False)
class Finals:
    """The final states of one name of all layers and directions, or of some from the first on, which PyTorch keeps in
    one array. `turned`: rows come before them. `ways`: directions have an axis of their own behind that of layers."""

    of: Applied
    state: str
    count: int
    first: int = 0
    turned: bool = False
    ways: int = 0

    @property
    def is_plain(self) -> bool:
        return not self.turned and not self.ways

    def at(self, place: int) -> Final:
        return Final(self.of, self.state, self.first + place % self.count)

    def all(self) -> tuple[Final, ...]:
        return tuple(self.at(k) for k in range(self.count))


@dataclass(frozen=True, eq=False)
class Steps:
    """A list of what a loop over the steps has made, one of each: all of them, and the last. `ones`: where each has an
    axis of size 1 for the steps."""

    tensor: Tensor
    last: Tensor
    ones: int | None = None


@dataclass(frozen=True)
class Size:
    """How long an axis of a tensor is; without an `axis` the sizes of all."""

    tensor: Tensor
    axis: int | None = None


@dataclass(frozen=True, eq=False)
class Blueprint:
    """A class of the text whose objects are models, and the names around it."""

    node: ast.ClassDef
    names: Names
    bases: tuple[Blueprint, ...] = ()

    def method(self, *names: str) -> ast.FunctionDef | None:
        """The first of these methods that it has."""
        own = {each.name: each for each in self.node.body if isinstance(each, ast.FunctionDef)}
        found = next((own[name] for name in names if name in own), None)
        inherited = (base.method(*names) for base in self.bases)
        return found or next((each for each in inherited if each is not None), None)


@dataclass(frozen=True, eq=False)
class Instance:
    """An object of a class of the text."""

    blueprint: Blueprint
    fields: Names
    span: Span
    made: Names = field(default_factory=dict[str, "Given | Thunk | Broken"])  # the fields that `__init__` has left


@dataclass(frozen=True, eq=False)
class Method:
    """A function of an object."""

    instance: Instance
    node: ast.FunctionDef


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
    moment: Moment = field(default_factory=now)  # when its statement is carried out


@dataclass(frozen=True)
class Broken:
    """What a name is whose value could not be read."""

    error: DiagnosticError


class Lost(DiagnosticError):
    """Of a tensor of layers nobody knows what it is: an error also where what cannot be read would be data."""


Names: TypeAlias = "Mapping[str, Given | Thunk | Broken]"
Objects: TypeAlias = "Made | Tensor | Functional | Finals | Size | Steps | Blueprint | Instance | Method"
Value: TypeAlias = "bool | int | float | str | list[Given] | Reference | Function | Partial | Record | Objects | None"


def is_tensor(value: Value) -> bool:
    """Whether a value is one tensor or some final states."""
    return isinstance(value, Finals) or as_tensor(value) is not None


@dataclass
class Remarks:
    """What a person should know of a call that the description does not say, each once."""

    lines: dict[str, None] = field(default_factory=dict[str, None])

    def add(self, line: str) -> None:
        self.lines.setdefault(line)


def is_input(item: Given) -> bool:
    """Whether an object only says what comes in."""
    return isinstance(item.value, Made) and item.value.constructor.name in ("Input", "InputLayer")


def as_tensor(value: Value) -> Tensor | None:
    """What counts as one tensor: what comes in, too, and the final states of a single layer, which PyTorch has in an
    array with one axis more."""
    if isinstance(value, Finals) and value.count == 1:
        return Computed((value.at(0),), lambda network, built: replace(built[0], axes="1bf"), value.at(0))
    if isinstance(value, Made) and is_input(Given(value, value.span)):
        return Applied(Given(value, value.span))
    return value if isinstance(value, Tensor) else None


_SHORT = 20  # of strings that messages repeat


def describe(value: object) -> str:
    """A value in words, for messages."""
    match value:
        case None | bool() | int() | float():
            return repr(value)
        case str():
            return repr(value) if len(value) <= _SHORT else "a string"
        case list():
            return "a list" if value else "an empty list"
        case Reference(path=path):
            return f"`{path}`" if not path.startswith("‹") else "a state or data, which no layer gives as its output"
        case Made(constructor=constructor):
            return f"`{constructor.name}(…)`"
        case Tensor() | Finals():
            return "what a layer gives"
        case Functional():
            return "a model of several layers"
        case Size():
            return "the size of what a layer gives"
        case Steps():
            return "a list of what a loop over the steps has made"
        case Record() | Instance():
            return "an object of your own"
        case Blueprint(node=node):
            return f"the class `{node.name}`"
        case _:
            return "a function of your own"


def problem(
    code: str, message: str, span: Span | None, *, fix: str | None = None, notes: tuple[Note, ...] = ()
) -> DiagnosticError:
    """The error to raise."""
    return DiagnosticError([Diagnostic(code, message, span, notes, fix)])
