"""Writes cells: parameters, inputs and states, families, inner cells, outputs, and variants."""

from __future__ import annotations

from rnnc.ir.size import Size
from tests.support.cells.axes import Axis, Shape, Var, shown, strong, weak
from tests.support.cells.body import Owner
from tests.support.cells.elementwise import test
from tests.support.cells.equations import EquationWriter
from tests.support.cells.grow import LARGE
from tests.support.cells.library import Library
from tests.support.choices import Choices


class CellWriter(EquationWriter):
    """One cell. With `layer` it has one input [input] and one output [units], `units` being its first parameter."""

    def __init__(self, choices: Choices, library: Library, name: str, *, layer: bool, budget: int) -> None:
        super().__init__(choices, budget)
        self.library, self.name, self.layer = library, name, layer
        self.parameters: list[str] = []
        self.outputs: list[str] = []
        self.free: list[str] = []  # open sizes that may be given with -D

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
