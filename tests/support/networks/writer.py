"""Writes networks: layers, equations between them, and picks over time, in any order that makes sense."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tests.support.choices import Choices
from tests.support.networks.layers import Layers

OVER_TIME = ("last({})", "mean({}, time)", "at({}, 0)", "at({}, -1)", "sum({}, time)", "max({}, time)",
             "min({}, time)", "at({}, 1)", "at({}, -2)")  # fmt: skip
GIVEN = ("x", "z", "p", "emb")


@dataclass(frozen=True)
class Value:
    """A value with one axis: `text` where labels matter. Its size is None where it is open."""

    name: str
    size: int | None
    timed: bool

    @property
    def text(self) -> str:
        return f"relabel({self.name}, {self.size})"


Statement = Callable[["NetworkWriter"], object]
STATEMENTS: list[Statement] = []


def statement(weight: int) -> Callable[[Statement], Statement]:
    """List a statement, so many times."""

    def add(function: Statement) -> Statement:
        STATEMENTS.extend([function] * weight)
        return function

    return add


class NetworkWriter:
    """One network. With `layer` it has one input and one output, which has `units` numbers and time."""

    def __init__(self, choices: Choices, layers: Layers, name: str) -> None:
        self.choices, self.layers, self.name = choices, layers, name
        self.lines: list[str] = []
        self.parameters: list[str] = []
        self.values: list[Value] = []
        self.shared: dict[tuple[str, int | None], int] = {}  # layers under a name, from and to a size
        self._fresh = 0

    def write(self, statements: int, units: int | None = None) -> str:
        """The text. `units`: its one output is a sequence of that size, its one input of an open size."""
        self._inputs(single=units is not None)
        if self.choices.chance(4):
            n = self.units()
            self.parameters.append(f"inner: cell = {self.layers.layer(None, n, 2)}")
            self.layers.cells = {"inner": n}
        for _ in range(statements):
            self.choices.pick(STATEMENTS)(self)
        if units is None:
            self._outputs()
        else:
            self._result(units)
        self.layers.cells = {}
        body = "\n".join(f"  {line}" for line in self.lines)
        parameters = f"({', '.join(self.parameters)})" if self.parameters else ""
        return f"network {self.name}{parameters} {{\n{body}\n}}\n"

    # --- names and values ---

    def _inputs(self, *, single: bool) -> None:
        c = self.choices
        size = None if single or c.chance(3) else self.units()
        self.lines.append(f"input x[{size or 'input'}]")
        self.values.append(Value("x", size, True))
        if single:
            return
        if c.chance(4):
            self.lines += ["input token[]: int", f"emb = embedding(token, 5, {(n := self.units())})"]
            self.values.append(Value("emb", n, True))
        if c.chance(6):
            self.lines += [f"input z[{(n := self.units())}]"]
            self.values.append(Value("z", n, True))
        if c.chance(6):
            self.lines.append(f"param p[{(n := self.units())}] = uniform(-0.5, 0.5)")
            self.values.append(Value("p", n, False))

    def units(self) -> int:
        return self.choices.pick(self.layers.units)

    def fresh(self, stem: str) -> str:
        self._fresh += 1
        return f"{stem}{self._fresh}"

    def add(self, stem: str, text: str, size: int | None, timed: bool = True) -> Value:
        """A new equation."""
        name = self.fresh(stem)
        self.lines.append(f"{name} = {text}")
        self.values.append(Value(name, size, timed))
        return self.values[-1]

    def sequence(self) -> Value:
        """Late ones more often: networks are deep."""
        found = [v for v in self.values if v.timed]
        return self.choices.pick((found[-1], self.choices.pick(found)))

    def once(self) -> Value:
        """A value without time."""
        found = [v for v in self.values if not v.timed]
        if not found or self.choices.chance(3):
            return self.picked()
        return self.choices.pick((found[-1], self.choices.pick(found)))

    def sized(self, v: Value, n: int) -> Value:
        """The value with n numbers."""
        if v.size == n:
            return v
        call = self.choices.pick((f"dense({v.name}, {n})", f"linear(u: {v.name}, out = {n})"))
        return self.add("d", call, n, v.timed)

    def layered(self) -> Value:
        """A layer; half of them keep the size."""
        v, n = self.sequence(), self.units()
        n = v.size if v.size is not None and self.choices.chance(2) else n
        return self.add("y", f"{self.layers.layer(v.size, n)}({v.name})", n)

    def picked(self) -> Value:
        """One value of a sequence."""
        v = self.sequence()
        return self.add("t", self.choices.pick(OVER_TIME).format(v.name), v.size, False)

    def _result(self, units: int) -> None:
        """One output with time; or others, which are a layer's of a kind of its own."""
        c = self.choices
        v = self.sequence()
        self.lines.append(f"result = {self.layers.layer(v.size, units)}({v.name})")
        result = Value("result", units, True)
        if not c.chance(3):
            self.lines.append("output result")
            self.layers.networks[self.name] = units
            return
        outputs = [result] if c.chance(2) else [self.add("t", f"{c.pick(('last', 'reverse'))}(result)", units, False)]
        if "reverse" in self.lines[-1]:
            outputs = [Value(outputs[0].name, units, True)]
        if c.chance(2):
            more = c.pick([v for v in self.values if v.name.isidentifier() and v.name not in GIVEN] or [result])
            outputs = list({one.name: one for one in (*outputs, more)}.values())
        self.lines.append(f"output {', '.join(one.name for one in outputs)}")
        self.layers.others[self.name] = [(one.name, one.size, one.timed) for one in outputs]

    def _outputs(self) -> None:
        c = self.choices
        if c.chance(2):
            self.picked()
        made = [v for v in self.values if v.name not in GIVEN] or [self.layered()]
        chosen = dict.fromkeys([made[-1].name, *(c.pick(made).name for _ in range(c.below(4)))])
        names = list(chosen)
        if not any(v.timed for v in made if v.name in chosen) and c.chance(2):
            names.append(self.sequence().name)
        if c.chance(5):
            names.append("x")
        renamed = [n if n.isidentifier() else f"o{i}: {n}" for i, n in enumerate(dict.fromkeys(names))]
        self.lines.append(f"output {', '.join(renamed)}")
