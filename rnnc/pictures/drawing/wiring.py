"""A body as pieces and links, at the level of its author's names: a piece a gate, product, operation and layer."""

from __future__ import annotations

from dataclasses import replace

from rnnc.pictures.drawing.board import Board, Port, Ports
from rnnc.pictures.drawing.layers import expand
from rnnc.pictures.drawing.pieces import CellBox, Dot, Formula, Matrix, Terminal, Unit
from rnnc.pictures.drawing.strange import is_strange
from rnnc.pictures.drawing.tables import Table
from rnnc.pictures.equations import formula as f
from rnnc.pictures.equations import mathtree as m
from rnnc.pictures.equations.symbols import quantity
from rnnc.pictures.equations.typeset import head, place, scaled_by, typeset
from rnnc.pictures.equations.walking import everything, parts


class Wiring(Board):
    """Builds the graph of one body. Equations are drawn when something reads them, each once."""

    def __init__(self, body: f.Body, tables: list[Table]) -> None:
        super().__init__(body)
        self.equations = {e.target.key: e for e in body.equations if e.kind != "carry"}
        self.ports: dict[object, Ports] = {}
        self.rows = {key: (table, at) for table in tables for at, key in enumerate(table.rows)}
        self.drawn: dict[int, int] = {}  # tables by identity
        self.runs: dict[str, Ports] = {}  # what instances give
        self._constant: dict[object, bool] = {}

    def build(self) -> None:
        """All of the body."""
        for q in (*self.body.states, *self.body.inputs):
            kind = "state" if q in self.body.states else "input"
            self.ports[q.ref.key] = (self.add(Terminal(kind, "first", quantity(q.ref), _axes(q))), 0)
        for e in self.ordered():
            if not self.constant(e.value):
                self.port(e.target)
        outputs = {id(o): self.output(o.value) for o in self.body.outputs}
        shown: set[int] = set()
        after = {(e.target.name, e.target.indices): e.target for e in self.body.equations if e.target.when == "now"}
        for q in self.body.states:
            new = after.get((q.ref.name, q.ref.indices), replace(q.ref, when="now"))
            same = [o for o in self.body.outputs if isinstance(o.value, f.Ref) and o.value.key == new.key]
            shown.update(id(o) for o in same)
            label = quantity(replace(new, when="now"))
            self.add(Terminal("state", "last", label, _axes(q), "output" if same else ""), self.value(new))
        for e in self.body.equations:
            if e.kind == "carry":
                self.add(Terminal("state", "last", quantity(e.target)), self.value(e.value))
        for o in self.body.outputs:
            if id(o) not in shown:
                self.ends(o, outputs[id(o)])

    def ordered(self) -> list[f.Equation]:
        """Equations behind those that they read (without recursion: chains may be long)."""
        found: dict[object, f.Equation] = {}
        waiting = [(e, False) for e in reversed(self.equations.values())]
        while waiting:
            e, ready = waiting.pop()
            if ready:
                found.setdefault(e.target.key, e)
            elif e.target.key not in found:
                read = [r.key for r in everything(e.value) if isinstance(r, f.Ref) and r.key in self.equations]
                waiting.append((e, True))
                waiting += [(self.equations[k], False) for k in reversed(read) if k not in found]
        return list(found.values())

    def ends(self, o: f.Equation, source: Ports) -> None:
        """An output, or several under one name."""
        if isinstance(source, dict):
            for name, inner in source.items():
                self.ends(replace(o, target=replace(o.target, name=f"{o.target.name}.{name}")), inner)
            return
        value = o.value.name if isinstance(o.value, f.Ref) else ""
        label = quantity(o.value if isinstance(o.value, f.Ref) and value == o.target.name else o.target)
        caption = "" if o.target.name == "output" else "output"
        if o.target.name == "output":
            label = m.Words("output")
        self.add(Terminal("output", "last", label, caption), source)

    # --- what is drawn ---

    def constant(self, formula: f.Formula) -> bool:
        """Is this the same at every step and in every row? (Parameters, numbers, and what is made of them.)"""
        match formula:
            case f.Ref(key=key):
                if key in self.ports or formula.owner or formula.when:
                    return False
                if key not in self.equations:
                    return not (isinstance(key, tuple) and key[:1] == ("run",))
                if key not in self._constant:
                    self._constant[key] = self.constant(self.equations[key].value)
                return self._constant[key]
            case f.Product() | f.Run() | f.StepIndex():
                return False
            case _:
                return all(self.constant(p) for p in parts(formula))

    def port(self, ref: f.Ref) -> Ports:
        """Where the wire of a quantity begins."""
        if ref.key in self.ports:
            return self.ports[ref.key]
        if ref.key in self.equations:
            e = self.equations[ref.key]
            self.ports[ref.key] = self.equation(e)
            return self.ports[ref.key]
        return self.inner(ref)

    def inner(self, ref: f.Ref) -> Port:
        """A quantity of an inner cell: it leaves the cell's box; what the step before left enters the picture."""
        is_final = ref.when == "last"
        if is_final or (ref.when == "now" and ref.owner in self.body_instances()):
            self.instance(ref.owner)
            if ref.owner in self.boxes:
                at = self.boxes[ref.owner]
                piece = self.pieces[at]
                assert isinstance(piece, CellBox)
                text = "final " * is_final + ref.name + "".join(f"[{i}]" for i in ref.indices)
                if text not in piece.names:
                    self.pieces[at] = replace(piece, names=(*piece.names, text))
                port = (at, (*piece.names, text).index(text))
                self.ports[ref.key] = port
                return port
        port = (self.add(Terminal("state", "first", quantity(ref))), 0)
        self.ports[ref.key] = port
        return port

    def body_instances(self) -> set[str]:
        return {key for key, _ in self.body.inner}

    def instance(self, key: str) -> None:
        """Draw the step of an instance, if nothing has asked for it yet."""
        if key in self.runs:
            return
        for e in self.body.equations:
            if any(_is_of(key, run.instance) for run in _runs(e.value)):
                self.port(e.target)
                return

    def equation(self, e: f.Equation) -> Ports:
        """The value of an equation, under its name."""
        state = any((q.ref.name, q.ref.indices) == (e.target.name, e.target.indices) for q in self.body.states)
        name = None if state and e.target.when == "now" else quantity(e.target)
        if isinstance(e.value, f.Run):
            return self.run(e.value, name)
        if isinstance(e.value, f.Pick):
            return self.pick(e.value)
        if is_strange(e.value):
            return self.formula(e.value, name)
        if isinstance(e.value, f.Ref):
            return self.port(e.value)
        before = len(self.pieces)
        port = self.value(e.value)
        piece = self.pieces[port[0]]
        if port[0] >= before and isinstance(piece, Unit | Dot | Formula):
            if isinstance(piece, Unit) and e.kind == "gate":
                piece = replace(piece, gate=True)
            self.pieces[port[0]] = replace(piece, name=name)
        return port

    def output(self, formula: f.Formula) -> Ports:
        """The value of an output; of a layer with several, all of them."""
        match formula:
            case f.Ref():
                return self.port(formula) if not self.constant(formula) else self.value(formula)
            case f.Run():
                return self.run(formula, None)
            case f.Pick():
                return self.pick(formula)
            case _:
                return self.value(formula)

    def value(self, formula: f.Formula) -> Port:
        """The wire of a formula that is one value."""
        if self.constant(formula):
            return self.add(Terminal("parameter", "first", typeset(formula))), 0
        match formula:
            case f.Ref():
                return _one(self.port(formula))
            case f.StepIndex():
                if "step" not in self.ports:
                    self.ports["step"] = (self.add(Terminal("input", "first", m.Letter("t"))), 0)
                return _one(self.ports["step"])
            case f.Sum():
                return self.sum(formula)
            case f.Product():
                return self.row(formula)
            case f.Times(factors):
                return self.times(factors)
            case f.Quotient(top, bottom):
                return self.quotient(top, bottom)
            case f.Apply() | f.Over():
                return self.applied(formula)
            case f.Operator("outer" | "@" as op, left, right):
                return self.operator(op, left, right)
            case f.Contraction(left, right, axes):
                label = m.row(head(f.Over("sum", left, axes)), m.Sign("odot"))
                return self.add(Unit(label, 2), self.value(left), self.value(right)), 0
            case f.Power(base, exponent) if self.constant(exponent):
                return self.add(Unit(m.Script(m.Sign("times"), None, typeset(exponent)), 1), self.value(base)), 0
            case f.Part(base):
                return self.add(Unit(place(formula), 1), self.value(base)), 0
            case f.Items(items):
                return self.several(m.Named("list"), items)
            case f.Run():
                return _one(self.run(formula, None))
            case f.Pick():
                return _one(self.pick(formula))
            case _:
                return self.formula(formula, None)

    def operator(self, op: str, left: f.Formula, right: f.Formula) -> Port:
        """A product of two vectors or matrices: a dot, or, of a constant, a unit with the constant in it."""
        if not self.constant(left) and not self.constant(right):
            return self.add(Dot("⊗" if op == "outer" else "@", 2), self.value(left), self.value(right)), 0
        sign, dot = m.Sign("outer" if op == "outer" else "space"), m.Sign("times")
        if self.constant(left):
            return self.add(Unit(m.row(typeset(left), sign, dot), 1), self.value(right)), 0
        return self.add(Unit(m.row(dot, sign, typeset(right)), 1), self.value(left)), 0

    def row(self, formula: f.Formula) -> Port:
        """A row of a block matrix."""
        table, at = self.rows[id(formula)]
        if id(table) not in self.drawn:
            operands = [self.value(column.operand) for column in table.columns]
            self.drawn[id(table)] = self.add(Matrix(table), *operands)
        return self.drawn[id(table)], at

    def terms(self, formula: f.Sum) -> tuple[list[Port], list[str], m.Math | None]:
        """The wires of a sum, their signs, and what is added to all of them."""
        ports: list[Port] = []
        signs: list[str] = []
        constants: list[tuple[bool, f.Formula]] = []
        if id(formula) in self.rows:
            ports.append(self.row(formula))
            signs.append("")
        for negative, term in self.beside(formula):
            if self.constant(term):
                constants.append((negative, term))
            else:
                ports.append(self.value(term))
                signs.append("−" if negative else "")
        if not constants:
            return ports, signs, None
        shown = typeset(f.Sum(tuple(constants)))
        return ports, signs, shown if constants[0][0] or _is_negative(constants[0][1]) else m.row(m.Sign("+"), shown)

    def beside(self, formula: f.Sum) -> list[tuple[bool, f.Formula]]:
        """The terms of a sum that its row of products, if it has one, leaves out."""
        if id(formula) not in self.rows:
            return list(formula.terms)
        table, at = self.rows[id(formula)]
        biased = bool(table.bias) and table.bias[at] is not None

        def in_row(negative: bool, term: f.Formula) -> bool:
            product = isinstance(term, f.Product) and term.kind != "diagonal" and not negative
            return product or (isinstance(term, f.Bias) and biased)

        return [(negative, term) for negative, term in formula.terms if not in_row(negative, term)]

    def sum(self, formula: f.Sum) -> Port:
        """A sum: a row of products alone is that row."""
        ports, signs, constant = self.terms(formula)
        if len(ports) == 1 and constant is not None:
            fixed = f.Sum(tuple(t for t in formula.terms if self.constant(t[1])))
            label = m.row(typeset(fixed), m.Sign("-")) if signs[0] else constant
            return self.add(Unit(label, 1), ports[0]), 0
        if len(ports) == 1:
            return (self.add(Dot("−", 1), ports[0]), 0) if signs[0] else ports[0]
        dot = self.add(Dot("+", len(ports), tuple(signs)), *ports)
        return (dot, 0) if constant is None else (self.add(Unit(constant, 1), (dot, 0)), 0)

    def times(self, factors: tuple[f.Formula, ...]) -> Port:
        constants = [x for x in factors if self.constant(x)]
        ports = [self.value(x) for x in factors if not self.constant(x)]
        port = ports[0] if len(ports) == 1 else (self.add(Dot("⊙", len(ports)), *ports), 0)
        for x in constants:
            port = self.add(Unit(scaled_by(x), 1), port), 0
        return port

    def quotient(self, top: f.Formula, bottom: f.Formula) -> Port:
        if self.constant(top):
            return self.add(Unit(m.row(typeset(top), m.Words(" ÷")), 1), self.value(bottom)), 0
        if self.constant(bottom):
            return self.add(Unit(m.row(m.Words("÷ "), typeset(bottom)), 1), self.value(top)), 0
        return self.add(Dot("÷", 2, ("", "÷")), self.value(top), self.value(bottom)), 0

    def applied(self, formula: f.Apply | f.Over) -> Port:
        """A function: of a sum with products, the sum is part of it."""
        arguments = formula.arguments if isinstance(formula, f.Apply) else (formula.argument,)
        moving = [a for a in arguments if not self.constant(a)]
        label = head(formula)
        if len(moving) < len(arguments):
            dots = tuple(f.Word("·") if a in moving else a for a in arguments)
            assert isinstance(formula, f.Apply)
            label = typeset(replace(formula, arguments=dots))
        if isinstance(formula, f.Apply) and formula.function == "identity":
            return self.value(arguments[0])
        if len(moving) == 1 and isinstance(moving[0], f.Sum) and self.joins(moving[0]):
            ports, signs, constant = self.terms(moving[0])
            sums = len(ports) > 1 or constant is not None
            return self.add(Unit(label, len(ports), False, sums, constant, tuple(signs)), *ports), 0
        return self.several(label, tuple(moving))

    def joins(self, formula: f.Sum) -> bool:
        """Is a sum drawn as a part of the function that is applied to it?"""
        moving = [(negative, t) for negative, t in formula.terms if not self.constant(t)]
        return id(formula) in self.rows or (len(moving) == 1 and not moving[0][0])

    def several(self, label: m.Math, values: tuple[f.Formula, ...]) -> Port:
        """A function of several values; a list among them counts for its members."""
        spread: list[f.Formula] = []
        for value in values:
            spread += value.items if isinstance(value, f.Items) else (value,)
        ports = [self.value(v) for v in spread]
        free = label in (m.Named("max"), m.Named("min"))
        return self.add(Unit(label, len(ports), free=free), *ports), 0

    def formula(self, formula: f.Formula, name: m.Math | None) -> Port:
        """Mathematics in a box, with a wire from every quantity in it."""
        ports = dict.fromkeys(self.wires(formula))
        return self.add(Formula(typeset(formula), len(ports), name), *ports), 0

    def wires(self, formula: f.Formula) -> list[Port]:
        """What a box reads: products with weights stand outside of it, those of one sum as its row."""
        if self.constant(formula):
            return []
        if isinstance(formula, f.Sum) and id(formula) in self.rows:
            return [self.row(formula), *(port for _, term in self.beside(formula) for port in self.wires(term))]
        inner = parts(formula)
        if isinstance(formula, f.Product | f.Run | f.Pick) or not inner:
            return [self.value(formula)]
        return [port for part in inner for port in self.wires(part)]

    # --- layers and inner cells ---

    def run(self, run: f.Run, name: m.Math | None) -> Ports:
        """A layer or inner cell."""
        if run.instance and run.instance in self.runs and self.body.kind == "cell":
            return self.runs[run.instance]
        sources: list[Port] = []
        for a in (*run.arguments, *(value for _, value in run.starts)):
            sources += _flat(self.output(a))
        result = expand(self, run, sources, name)
        if run.instance:
            self.runs[run.instance] = result
        return result

    def pick(self, pick: f.Pick) -> Ports:
        base = self.output(pick.base)
        return base[pick.name] if isinstance(base, dict) else base


def _one(ports: Ports) -> Port:
    while isinstance(ports, dict):
        ports = next(iter(ports.values()))
    return ports


def _flat(ports: Ports) -> list[Port]:
    return [p for inner in ports.values() for p in _flat(inner)] if isinstance(ports, dict) else [ports]


def _runs(formula: f.Formula) -> list[f.Run]:
    return [p for p in everything(formula) if isinstance(p, f.Run)]


def _is_of(key: str, instance: str) -> bool:
    """Is this an instance, or a part of one?"""
    return bool(instance) and (key == instance or key.startswith((f"{instance}.", f"{instance}[")))


def _is_negative(formula: f.Formula) -> bool:
    return isinstance(formula, f.Number) and formula.value < 0


def _axes(q: f.Quantity) -> str:
    sizes = (a.rpartition(": ")[2].replace(" * ", "·") for a in q.axes)
    return " × ".join(sizes) or "1"
