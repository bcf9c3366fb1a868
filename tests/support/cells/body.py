"""The body that is being written: its names, statements, and how much more may be written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from rnnc.ir.size import Size
from tests.support.cells.axes import Axis, Shape, Var, shown, strong
from tests.support.choices import Choices


@dataclass(frozen=True)
class Weights:
    """An equation whose weights another `linear` may use: labels and axes of its operands, axes of its result."""

    name: str
    operands: tuple[tuple[str, Shape], ...]
    out: Shape


@dataclass
class Owner:
    """The equation that is being written: what its weights and masks are called already, and what it reads."""

    name: str
    taken: set[str] = field(default_factory=set[str])
    reads_state: bool = False
    reads_sequence: bool = False
    operands: Weights | None = None  # of its one plain `linear`, for `weights = …`


class Body:
    """A cell, network or function. `suffix` is the index of a family's member while a `for` is written."""

    def __init__(self, choices: Choices, kind: str, budget: int) -> None:
        self.choices = choices
        self.kind = kind
        self.budget = budget
        self.suffix = ""
        self.vars: list[Var] = []
        self.ints: list[Var] = []
        self.head: list[str] = []  # declarations
        self.lines: list[str] = []  # equations
        self.inside: list[str] | None = None  # lines of the `for` that is being written
        self.nameable: set[Axis] = set()  # axes that `out = […]` can name
        self.ambiguous: set[str] = set()  # labels under which there are axes of several sizes
        self.flags: list[str] = []  # boolean parameters
        self.words: dict[str, tuple[str, str]] = {}  # parameters that are one of two words
        self.numbers: list[str] = []  # compile-time numbers in (0, 2)
        self.functions: list[str] = []  # elementwise functions of one argument
        self.patterned: list[str] = []  # functions of a tensor with one axis
        self.transforms: list[str] = []  # functions for `weight = …` of a matrix
        self.weights: list[Weights] = []
        self.owner: Owner | None = None
        self.stateless = False  # expressions that are written now read no state
        self._fresh = 0

    # --- names ---

    def fresh(self, stem: str) -> str:
        self._fresh += 1
        return f"{stem}{self._fresh}"

    def fresh_axis(self, size: Size | int) -> Axis:
        """A strong axis that nothing else here has; a function's callers may call theirs the same."""
        return strong(self.fresh("k"), size)

    def add(self, line: str) -> None:
        (self.lines if self.inside is None else self.inside).append(line)

    def declare(self, line: str, shape: Shape) -> None:
        """A declaration in front of the equations, or in the `for` that is being written."""
        (self.head if self.inside is None else self.inside).append(line)
        self.can_name(shape)

    def can_name(self, shape: Shape) -> None:
        """These axes are declared, so `out = […]` can name them, but for labels of several sizes."""
        self.nameable.update(a for a in shape if a.label not in self.ambiguous)

    def param(self, shape: Shape) -> Var:
        """A new parameter, of any axes."""
        name = self.fresh("p")
        init = self.choices.pick(("", " = uniform(-0.8, 0.8)", " = normal(0.1, 0.5)"))
        init = init if shape else init or " = 0.4"
        numbers = [a.size.constant for a in shape if a.size.constant is not None]
        if self.kind == "cell" and len(numbers) == len(shape) == 1 and self.choices.chance(3):
            values = [("0.3", "-0.6", "1.2", "0.8", "-0.1", "0.5")[i % 6] for i in range(numbers[0])]
            self.declare(f"fixed {name}{self.suffix}[{shown(shape)}] = [{', '.join(values)}]", shape)
            self.vars.append(Var(name + self.suffix, shape, 2.0))
            return self.vars[-1]
        if len(shape) == 2 and self.choices.chance(5):
            init = self.choices.pick((" = orthogonal", " = identity(0.7)", " = orthogonal(0.9)"))
        if self.kind == "fn":
            init = init or " = ones"
        self.declare(f"param {name}{self.suffix}[{shown(shape)}]{init}", shape)
        var = Var(name + self.suffix, shape, 2.0)
        self.vars.append(var)
        return var

    def read(self, var: Var) -> str:
        """The text that reads a variable; the equation remembers what it read."""
        if self.owner is not None:
            self.owner.reads_state |= var.state
            self.owner.reads_sequence |= var.seq
        return var.name

    def readable(self, vars: Sequence[Var]) -> list[Var]:
        """Those that may be read now."""
        return [v for v in vars if not (self.stateless and v.state)]

    def named(self, stem: str) -> str | None:
        """` as w3`, or nothing where the plain name is free in this equation; None where nothing may have a name."""
        if self.owner is None:
            return None
        if stem not in self.owner.taken and not self.choices.chance(4):
            self.owner.taken.add(stem)
            return ""
        return f" as {self.fresh('w')}"

    def outable(self, shape: Shape) -> bool:
        """Can `out = […]` say these axes?"""
        return bool(shape) and all(a in self.nameable if a.strong else True for a in shape)


def out_text(shape: Shape) -> str:
    return f"[{', '.join(a.label for a in shape)}]" if len(shape) != 1 else shape[0].label


def labels(shape: Shape) -> str:
    """One axis, or a list of axes."""
    return f"[{', '.join(a.ref for a in shape)}]" if len(shape) != 1 else shape[0].ref
