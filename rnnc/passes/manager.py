"""Runs passes over a program: which, in what order, how long they took, and what they have to say."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Literal, Protocol

from rnnc.ir.program import NO_SPANS, Program, Spans
from rnnc.ir.text import print_program
from rnnc.ir.verifier import InvalidProgram, verify

RemarkKind = Literal["done", "missed", "info"]


@dataclass(frozen=True, slots=True)
class Remark:
    """What a pass did (`done`), could not do and why (`missed`), or noticed (`info`), at lines of the source.

    `code` is stable and says what kind of finding this is ("fused", "not-hoisted", …); `message` is for people.
    """

    pass_name: str
    code: str
    kind: RemarkKind
    message: str
    spans: Spans = NO_SPANS


class PassContext:
    """What a pass may talk to while it runs: it collects remarks, the same one once."""

    def __init__(self, pass_name: str) -> None:
        self.pass_name = pass_name
        self._remarks: dict[Remark, None] = {}

    @property
    def remarks(self) -> tuple[Remark, ...]:
        """In the order in which they were made."""
        return tuple(self._remarks)

    def remark(self, code: str, message: str, spans: Spans = NO_SPANS, kind: RemarkKind = "done") -> None:
        """Tell what was done, or what stood in the way."""
        self._remarks.setdefault(Remark(self.pass_name, code, kind, message, spans))


class Pass(Protocol):
    """A function program -> program with a name. `doc` is one line; `run` returns a valid, equal program."""

    @property
    def name(self) -> str: ...
    @property
    def doc(self) -> str: ...
    def run(self, program: Program, context: PassContext, /) -> Program: ...


PassFunction = Callable[[Program, PassContext], Program]


@dataclass(frozen=True)
class FunctionPass:
    """A pass made of a plain function."""

    name: str
    doc: str
    run: PassFunction


def compiler_pass(function: PassFunction) -> FunctionPass:
    """Decorator: the pass is called like the function, and the first line of its docstring says what it does."""
    doc = (function.__doc__ or "").strip()
    if not doc:
        raise ValueError(f"pass {function.__name__} has no docstring")
    return FunctionPass(function.__name__, doc.splitlines()[0], function)


@dataclass(frozen=True, slots=True)
class Timing:
    """How long one run of a pass took."""

    pass_name: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Dump:
    """The text form of the program after a pass."""

    pass_name: str
    text: str


@dataclass(frozen=True, slots=True)
class PassResult:
    """The program after all passes, and what happened on the way, in order."""

    program: Program
    remarks: tuple[Remark, ...]
    timings: tuple[Timing, ...]
    dumps: tuple[Dump, ...]


class UnknownPass(ValueError):
    """Somebody named a pass that is not there; the message lists those that are."""


def check_names(names: Iterable[str], known: Sequence[str]) -> None:
    """Raise `UnknownPass` for a name that is none of the known ones, always for the same."""
    for name in sorted(names):
        if name not in known:
            near = get_close_matches(name, known, n=1)
            hint = f"did you mean {near[0]!r}? " if near else ""
            raise UnknownPass(f"there is no pass {name!r}; {hint}the passes are {', '.join(known)}")


def pass_names(passes: Iterable[Pass]) -> tuple[str, ...]:
    """Every name once, in the order of the first run."""
    return tuple(dict.fromkeys(step.name for step in passes))


def run_passes(
    program: Program,
    passes: Iterable[Pass],
    *,
    disabled: Collection[str] = (),
    dump_after: Collection[str] = (),
    verify_each: bool = False,
) -> PassResult:
    """Run the passes in order, but those in `disabled`.

    `dump_after` names passes after whose every run the program is printed. With `verify_each` the program is
    verified before the first and after every pass (InvalidProgram names the culprit).
    """
    remarks: list[Remark] = []
    timings: list[Timing] = []
    dumps: list[Dump] = []
    if verify_each:
        _verify(program, "before the passes")
    for step in passes:
        if step.name in disabled:
            continue
        context = PassContext(step.name)
        start = time.perf_counter()
        program = step.run(program, context)
        timings.append(Timing(step.name, time.perf_counter() - start))
        remarks.extend(context.remarks)
        if verify_each:
            _verify(program, f"after pass {step.name}")
        if step.name in dump_after:
            dumps.append(Dump(step.name, print_program(program)))
    return PassResult(program, tuple(remarks), tuple(timings), tuple(dumps))


def _verify(program: Program, when: str) -> None:
    try:
        verify(program)
    except InvalidProgram as error:
        raise InvalidProgram(f"{when}: {error}") from error
