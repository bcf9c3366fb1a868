"""Writes cells: inputs, states and what becomes of them, families, inner cells, and outputs."""

from __future__ import annotations

from rnnc.ir.size import Size
from tests.support.cells.axes import Axis, Expr, Shape, Var, shown, strong, weak
from tests.support.cells.body import Body, Owner
from tests.support.cells.elementwise import condition, test, whole
from tests.support.cells.grow import LARGE, Grower
from tests.support.cells.library import Library
from tests.support.choices import Choices


class CellWriter:
    """One cell. With `layer` it has one input [input] and one output [units], `units` being its first parameter."""

    def __init__(self, choices: Choices, library: Library, name: str, *, layer: bool, budget: int) -> None:
        self.choices, self.library, self.name, self.layer = choices, library, name, layer
        self.body = Body(choices, "cell", budget)
        self.grower = Grower(self.body)
        self.parameters: list[str] = []
        self.outputs: list[str] = []
        self.free: list[str] = []  # open sizes that may be given with -D
        self.state_names: list[str] = []
        self.alike = True
        self.gates: list[tuple[str, Shape]] = []  # equations that a variant may replace
        self.sized: list[Axis] = []

    # --- the whole ---

    def write(self) -> str:
        self._parameters()
        self._inputs()
        self._states()
        for _ in range(self.choices.below(3)):
            self.equation()
        if not self.layer and self.library.layers and self.choices.chance(3):
            self._inner_cell()
        if self.choices.chance(5):
            self._family()
        for state in list(self._pending):
            self._next(state)
        self._outputs()
        if self.choices.chance(4):
            self.body.lines.reverse()  # order is free
        lines = [*self.inputs, *self.body.head, *self.body.lines]
        parameters = f"({', '.join(self.parameters)})" if self.parameters else ""
        body = "\n".join(f"  {line}" for line in lines)
        return f"cell {self.name}{parameters} {{\n{body}\n}}\n"

    def _parameters(self) -> None:
        c, body = self.choices, self.body
        body.functions = ["tanh", "hard_sigmoid", *self.library.functions]
        body.patterned, body.transforms = list(self.library.patterned), list(self.library.transforms)
        if self.layer or c.chance(2):
            self.parameters.append("units")
            self.units = weak(Size.of("units"))
            if not self.layer:
                self.free.append("units")
        else:
            self.parameters.append(f"units = {c.between(1, 3)}")
            self.units = Axis("units", Size.of(int(self.parameters[0][-1])))
        self.sized = [self.units, weak(c.between(1, 4)), strong("a", c.between(1, 3)), strong("b", c.between(1, 3))]
        if c.chance(3):
            self.parameters.append(f"flag = {c.pick(('true', 'false'))}")
            body.flags.append("flag")
        if c.chance(4):
            self.parameters.append(f"mode: one | two = {c.pick(('one', 'two'))}")
            body.words["mode"] = ("one", "two")
            body.flags.append("mode == one")
        if c.chance(4):
            self.parameters.append(f"rates = [{c.pick(('0.5', '0.9'))}, 0.25]")
            body.numbers += ["rates[0]", "rates[-1]", "sum(rates)", "len(rates) / 3"]
        if c.chance(4):
            self.parameters.append(f"act: fn = {c.pick(('tanh', 'gelu', *self.library.functions))}")
            body.functions.append("act")
        if c.chance(4):
            self.parameters.append(f"rate = {c.pick(('0.1', '0.75'))}")
            body.numbers.append("rate")
        if c.chance(6):
            self.parameters.append("extra = none")
            body.flags.append("extra")
            body.numbers.append("(extra or 0.6)")
        if c.chance(6):
            body.lines.append("let twice = 2 * units")
            self.sized.append(Axis("twice", self.units.size * 2))

    def _shape(self, most: int = 2) -> Shape:
        """Axes of a new value."""
        c = self.choices
        axes: list[Axis] = []
        for _ in range(c.pick((1, 1, 1, 2, 0, min(3, most))[: 4 + most])):
            axis = c.pick(self.sized)
            if axis.label not in {a.label for a in axes}:
                axes.append(axis)
        return tuple(axes)

    # --- declarations ---

    def _inputs(self) -> None:
        c = self.choices
        self.inputs: list[str] = []
        if self.layer:
            self._input("x", (weak(Size.of("input")),))
            return
        free = c.pick((True, True, False))
        self._input("x", (weak(Size.of("input")),) if free else self._shape() or (self.units,))
        if c.chance(3):
            self._input(*c.pick((("time", ()), ("z", self._shape()))), often=not c.chance(3))
        if c.chance(4):
            self.inputs.append("input token[]: int")
            self.body.ints.append(Var("token", (), seq=True))

    def _input(self, name: str, shape: Shape, often: bool = True) -> None:
        """An input at every step, or once per row."""
        self.inputs.append(f"input {name}[{shown(shape)}]{'' if often else ' per row'}")
        self.body.can_name(shape)
        self.body.vars.append(Var(name, shape, seq=often))
        if shape and shape[0].label == "input":
            self.free.append("input")

    def _states(self) -> None:
        c, body = self.choices, self.body
        self._pending: list[Var] = []
        for i in range(c.pick((1, 1, 2, 2, 3))):
            shape = self._shape(3)
            if i == 0 and (self.layer or (self.units not in shape and self.parameters[0] == "units")):
                shape = (self.units,)  # an open size must be told by some array
            self._state(c.pick(("h", "c", "S", "m", "n")) + str(i), shape)
        if c.chance(6):
            self.alike = False
            body.head.append(f"state count[]: int{c.pick(('', ' = 2'))}")
            body.ints.append(Var("count", (), state=True))
            after = (
                "count + 1",
                "min(count + 2, 5)",
                "where(count > 2, 0, count + 1)",
                "(count * 3 + 1) % 4",
                "(count * 70_000 * 70_000 + 1) % 4",
            )
            body.lines.append(f"count' = {c.pick(after)}")

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

    # --- equations ---

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

    # --- families and inner cells ---

    def _family(self) -> None:
        """A `for` with equations, states and parameters of its own members."""
        c, body = self.choices, self.body
        shape, members = self._shape(), c.between(1, 3)
        stem = body.fresh("q")
        outside = list(body.vars), list(body.weights), set(body.nameable)
        body.inside, body.suffix = [], "[k]"
        stateful, chained = c.chance(2), False
        self.alike = self.alike and not stateful
        if stateful:
            body.inside.append(f"state {stem}[k][{shown(shape)}]{c.pick(('', ' = 0.5'))}")
            body.vars.append(Var(f"{stem}[k]", shape, 6.0, state=True))
            if c.chance(2):
                self.equation(shape)
            self._next(
                body.vars[-1] if body.vars[-1].name == f"{stem}[k]" else Var(f"{stem}[k]", shape, 6.0, state=True)
            )
        else:
            value, _ = self.grow(stem, shape)
            chained = c.chance(2)
            body.inside.append(f"{stem}[k] = {value.text}" + (f" + 0.1 * k * {stem}[k - 1]" if chained else ""))
        lines = "\n".join(f"  {line}" for line in body.inside)
        body.inside, body.suffix = None, ""
        body.vars[:], body.weights[:], body.nameable = outside
        if not stateful and chained:
            body.add(f"{stem}[-1] = {self._free_value(shape).text}")
        body.add(f"for k in {c.pick((f'0..{members}', str(list(range(members)))))} {{\n{lines}\n}}")
        prime = "'" if stateful and c.chance(2) else ""
        each = f"{stem}{prime}[k] for k in 0..{members}"
        body.vars += [Var(f"{stem}{prime}[{k}]", shape, LARGE, state=True) for k in range(members)]
        new = body.fresh("k")
        text = f"sum(stack_axis(({each}), axis = {new}), {new})"
        if len(shape) == 1 and c.chance(2) and body.outable(shape):
            text = c.pick(
                (f"linear(({each}), out = {shape[0].label})", f"linear(u: concat({each}), out = {shape[0].label})")
            )
        elif c.chance(3):
            text = f"[{each}][{c.below(members)}]"
        name = body.fresh("e")
        body.add(f"{name} = {text}")
        body.vars.append(Var(name, shape, LARGE, state=True))

    def _inner_cell(self) -> None:
        """`use f = …`, stepped once; its states may be read, and carried on changed."""
        c, body = self.choices, self.body
        inner = c.pick(self.library.layers)
        f, y = body.fresh("f"), body.fresh("y")
        size = c.between(1, 3)
        own = c.chance(2)
        called = f"{inner.name}({c.pick(('units', 'units = units')) if own else size})"
        if c.chance(4):
            self.parameters.append(f"inner: cell = {inner.name}({size})")
            own, called = False, "inner"
        body.head.append(f"use {f} = {called}")
        fed = self.equation((weak(c.between(1, 3)),) if c.chance(2) else (self.units,))
        result = (self.units,) if own else (weak(size),)
        state = inner.states[0]
        given = c.pick((f"0.5 * {f}.{state}", f"tanh({f}.{state})", "0")) if c.chance(3) else None
        call = f"{f}({fed.name}{f', {state} = {given}' if given is not None else ''})"
        body.add(f"{y} = {call if own else f'relabel({call}, {shown(result)})'}")
        body.vars.append(Var(y, result, LARGE, state=True))
        for name in (f"{f}.{state}", f"{f}.{state}'"):
            body.vars.append(Var(f"{name}" if own else f"relabel({name}, {shown(result)})", result, 6.0, state=True))
        if c.chance(4):
            self._again(f, fed.name, result, own)
        elif c.chance(2):
            body.add(
                f"carry {f}.{state} = "
                + c.pick(
                    (
                        f"dropout({f}.{state}', keep = 0.8) as carried",
                        f"0.5 * {f}.{state}' + 0.2 * {f}.{state}",
                        f"tanh({f}.{state}')",
                    )
                )
            )
        if c.chance(3):
            name = body.fresh("e")
            states = f"concat({f}.states')" if inner.alike else f"{f}.{inner.states[-1]}'"
            body.add(f"{name} = sum(linear(q: {states}, out = 1)) + 0.1 * mean({f}.{inner.states[0]})")
            body.vars.append(Var(name, (), LARGE, state=True))
        if c.chance(3):
            self._state(body.fresh("r"), (self.units,) if own else (weak(size),))
            if not own:
                body.head[-1] = body.head[-1].replace(f"[{size}]", f"[{f}.output.size]")

    def _again(self, f: str, fed: str, result: Shape, own: bool) -> None:
        """A second step of an instance, which goes on from all states that the first one leaves."""
        c, body = self.choices, self.body
        g, y = body.fresh("f"), body.fresh("y")
        body.head.append(f"use {g} = {f}")
        states = c.pick((f"{f}.states'", f"[-s for s in {f}.states']"))
        call = f"{g}({fed}, states = {states})"
        body.add(f"{y} = {call if own else f'relabel({call}, {shown(result)})'}")
        body.vars.append(Var(y, result, LARGE, state=True))
        if c.chance(2):
            body.add(f"carry {f}.states = {g}.states'")

    # --- outputs ---

    def _outputs(self) -> None:
        c, body = self.choices, self.body
        if self.layer:
            e = self.grower.grow((self.units,), 1)
            body.lines.append(
                f"output {c.pick((self.state_names[0] + chr(39), f'{e.text} + {self.state_names[0]}' + chr(39)))}"
            )
            return
        found = [
            v
            for v in body.vars
            if v.name.rstrip("'").isidentifier() and v not in body.ints and not v.name.startswith("p")
        ]
        items = dict.fromkeys(v.name for v in (c.pick(found) for _ in range(c.between(1, 2))))
        primed = [v.name for v in found if v.name.endswith("'")]
        if primed and not any(i.endswith("'") for i in items):
            items[primed[-1]] = None
        names = {i.rstrip("'"): i for i in items}
        texts = list(names.values())
        if c.chance(3):
            body.owner = Owner("out")
            texts.append(f"out: {self.grower.grow(self._shape(), 2).text}")
            body.owner = None
        if body.ints and c.chance(3):
            texts.append(f"whole: {c.pick(('step', body.ints[-1].name))}")
        if c.chance(5):
            texts.append(f"truth: {test(self.grower, (), 1)}")
        body.lines.append(f"output {', '.join(texts)}")

    # --- variants ---

    def variant(self, name: str) -> str:
        """The cell with an equation replaced, and perhaps more."""
        c = self.choices
        body = self.body
        lines: list[str] = []
        keep = list(body.vars)
        body.vars[:] = [v for v in keep if v.name in ("x", *self.state_names)]
        body.ints.clear()
        body.head.clear()
        body.budget = 6
        if self.gates:
            target, shape = c.pick(self.gates)
            e, _ = self.grow(target, shape, 2)
            lines += [*body.head, f"{c.pick(('', 'gate '))}{target} = {e.text}"]
        if c.chance(2) or not lines:
            lines += ["state slow[]", "slow' = 0.9 * slow + 0.1 * mean(x)", f"output {self.state_names[0]}', slow'"]
        body.vars[:] = keep
        bound = c.pick(("", "(units = 2)")) if self.parameters[0] == "units" else ""
        own = "(gain = 0.5)" if c.chance(3) else ""
        if own:
            lines.append("unread = gain * mean(x)")
        inner = "\n".join(f"  {line}" for line in lines)
        text = f"cell {name}{own} = {self.name}{bound} with {{\n{inner}\n}}\n"
        if own and c.chance(2):
            text += f"cell {name}Less = {name} with {{\n  drop unread\n}}\n"
        return text
