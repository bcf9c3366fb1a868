"""Writes what cells are made of: states, equations, and what becomes of states."""

from __future__ import annotations

from tests.support.cells.axes import Axis, Expr, Shape, Var, shown
from tests.support.cells.body import Body, Owner
from tests.support.cells.elementwise import condition, test, whole
from tests.support.cells.grow import Grower
from tests.support.choices import Choices


class EquationWriter:
    """States and equations of one cell, whose axes are those in `sized`."""

    def __init__(self, choices: Choices, budget: int) -> None:
        self.choices, self.body = choices, Body(choices, "cell", budget)
        self.grower = Grower(self.body)
        self.sized: list[Axis] = []
        self.units: Axis
        self.state_names: list[str] = []
        self.alike = True
        self.gates: list[tuple[str, Shape]] = []  # equations that a variant may replace
        self._pending: list[Var] = []  # states without an equation

    def _shape(self, most: int = 2) -> Shape:
        """Axes of a new value."""
        c = self.choices
        axes: list[Axis] = []
        for _ in range(c.pick((1, 1, 1, 2, 0, min(3, most))[: 4 + most])):
            axis = c.pick(self.sized)
            if axis.label not in {a.label for a in axes}:
                axes.append(axis)
        return tuple(axes)

    def _state(self, name: str, shape: Shape) -> None:
        c, body = self.choices, self.body
        initial = ""
        if c.chance(3):
            initial = f" = {c.pick(('0.7', '-1', body.param(shape).name, body.param(shape).name))}"
        body.head.append(f"state {name}[{shown(shape)}]{initial}")
        body.can_name(shape)
        var = Var(name, shape, 6.0, state=True, own=True)
        self._pending.append(var)
        body.vars.append(var)
        self.state_names.append(name)
        self.alike = self.alike and shape == (self.units,)

    def grow(self, name: str, shape: Shape, depth: int = 3, *, known: bool = False) -> tuple[Expr, Owner]:
        """The value of an equation."""
        body = self.body
        body.owner = owner = Owner(name)
        e = self.grower.grow(shape, depth, known)
        body.owner = None
        if owner.operands is not None and not body.suffix and not body.flags:
            body.weights.append(owner.operands)
        return e, owner

    def equation(self, shape: Shape | None = None, *, stateless: bool = False) -> Var:
        """A new equation, and the value that it names."""
        c, body = self.choices, self.body
        shape = self._shape() if shape is None else shape
        name = body.fresh("e")
        body.stateless, before = stateless or body.stateless, body.stateless
        e, owner = self.grow(name, shape)
        if not shape and not any(v.name in e.text for v in body.vars):
            e = Expr(f"({e.text} + mean({body.read(body.vars[0])}))", e.bound + 4)
        reads_state = owner.reads_state
        kind = "gate " if c.chance(3) else ""
        if body.flags and not body.suffix and c.chance(4):
            other, owner = self.grow(name, shape)
            reads_state |= owner.reads_state
            clause = c.pick(("}} else {{", "}} else if {test} {{\n  {kind}{name} = {a}\n}} else {{"))
            clause = clause.format(test=condition(self.grower), kind=kind, name=name, a=e.text)
            first = f"if {condition(self.grower)} {{\n  {kind}{name} = {e.text}"
            body.add(f"{first}\n{clause}\n  {kind}{name} = {other.text}\n}}")
        else:
            body.add(f"{kind}{name}{body.suffix} = {e.text}")
        body.stateless = before
        var = Var(name + body.suffix, shape, e.bound, state=reads_state)
        if not body.suffix:
            self.gates.append((name, shape))
        body.vars.append(var)
        return var

    def _free_value(self, shape: Shape) -> Expr:
        """A value that reads no state: a recurrence with it needs no loop."""
        var = self.equation(shape, stateless=True)
        return Expr(var.name, var.bound)

    def _next(self, state: Var) -> None:
        """The equation of a state's prime."""
        c, body = self.choices, self.body
        base = state.name.removesuffix(body.suffix)
        name = f"{base}'{body.suffix}"
        s, shape = state.name, state.shape
        match c.below(12):
            case 0 | 1 | 2 | 3 | 4:
                e, _ = self.grow(base, shape, 4, known=True)
                text = (
                    e.text
                    if e.bound <= 4
                    else c.pick(("tanh({})", "clip({}, 0.9)", "sin({})", "hard_tanh(0.3 * {})")).format(e.text)
                )
            case 5:
                f, z = self._free_value(shape), self._free_value(shape)
                text = c.pick(
                    (
                        "sigmoid({f}) * {s} + (1 - sigmoid({f})) * {z}",
                        "0.8 * {s} + {z}",
                        "{s} + {z}",
                        "{z} - tanh({f}) * {s}",
                    )
                )
                text = text.format(f=f.text, s=s, z=z.text)
            case 6:
                f, z = self._free_value(shape), self._free_value(shape)
                text = f"{s} + sigmoid({f.text}) * ({z.text} - {s})"
            case 7:
                a, b = self._free_value(shape), self._free_value(shape)
                text = c.pick(("max({s} + {a}, {b})", "max({b}, {a} + {s})")).format(s=s, a=f"tanh({a.text})", b=b.text)
            case 8:
                text = self._free_value(shape).text
            case 9:
                e, owner = self.grow(base, shape, 2)
                name_of = "" if "" not in owner.taken else f" as {body.fresh('w')}"
                text = f"zoneout(tanh({e.text}), {s}, {c.pick(('0.2', 'keep = 0.6'))}){name_of}"
            case 10:
                e, _ = self.grow(base, shape, 2)
                text = f"where({whole(self.grower)} == 0, tanh({e.text}), {s})"
            case _:
                e, _ = self.grow(base, shape, 2)
                text = f"where({test(self.grower, shape, 1)}, 0.9 * {s}, sin({e.text}))"
        body.add(f"{name} = {text}")
        body.vars.append(Var(name, shape, 6.0, state=True))
