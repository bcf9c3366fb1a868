"""Reads `layout` blocks: foreign arrays as arrangements of parameters, scopes of inner cells, orders, masks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

from rnnc.diagnostics import Diagnostics, Span
from rnnc.ir.layout import Arrangement, Cat, Counterpart, ForeignArray, Leaf, Unused, WeightLayout
from rnnc.ir.model import ParameterInfo
from rnnc.ir.program import Program
from rnnc.semantics.bodies.frames import Context, Frame, held_word
from rnnc.semantics.expressions.expressions import Expressions
from rnnc.semantics.layouts.arrangements import ArrangementReader, Missing, Sizes
from rnnc.semantics.layouts.counterparts import OPTION, CounterpartReader
from rnnc.semantics.near import did_you_mean
from rnnc.semantics.problems import Fatal, Problem, report
from rnnc.semantics.scopes.values import Choice, FnValue, Num, Scope
from rnnc.syntax import ast

ENTRY_COST = 10  # in units of work
PLACE = "*"  # in a scope: where the names inside stand
OF_A_PLACE = ("scope", "joint", "shards", "numbered")  # options that say where the arrays of a body stand
HOW_NUMBERS_ARE_HELD = ("constants", "probabilities")  # options that are no facts about what the arrays belong to


@dataclass
class _Parts:
    """A layout while it is gathered from a body and the bodies inside it."""

    arrays: dict[str, tuple[ForeignArray, Span]] = field(default_factory=dict[str, tuple[ForeignArray, Span]])
    missing: list[str] = field(default_factory=list[str])
    mentioned: set[str] = field(default_factory=set[str])
    orders: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    masks: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    options: dict[str, str | float | bool] = field(default_factory=dict[str, str | float | bool])


@dataclass(frozen=True)
class _Place:
    """Where the arrays of a body stand: scopes in front, what joins them, and a pattern for the names themselves;
    `shards` is the ending of their row shards, and matrices that are `numbered` always come as such."""

    scope: str = ""
    joint: str = "/"
    pattern: str = PLACE
    shards: str | None = None
    numbered: bool = False

    def inside(self, scope: str) -> _Place:
        """A scope within this one. One with a `*` is a pattern for names, where no outer pattern is."""
        if PLACE not in scope:
            return replace(self, scope=self._joined(scope))
        return self if self.pattern != PLACE else replace(self, pattern=scope)

    def name(self, own: str) -> str:
        """The complete name of an array."""
        return self._joined(self.pattern.replace(PLACE, own))

    def _joined(self, name: str) -> str:
        return self.joint.join(part for part in (self.scope, name) if part)


@dataclass(frozen=True)
class _Body:
    """One body's layout while its statements are read: `scopes` of what is inside, `orders` to be applied later."""

    frame: Frame
    place: _Place
    facts: dict[str, str]
    scopes: dict[str, str]
    orders: list[tuple[ast.Order, Context]]
    parts: _Parts
    is_copy: bool  # the arrays are those of another body
    outside: _Place  # around this body: where a dropout around a cell of the library draws its masks


class LayoutReader:
    """All layouts of one model."""

    def __init__(
        self,
        expressions: Expressions,
        parameters: tuple[ParameterInfo, ...],
        forward: Program,
        diagnostics: Diagnostics,
    ) -> None:
        self.expressions = expressions
        self.diagnostics = diagnostics
        self.shapes: dict[str, Sizes] = {p.name: tuple(a.size for a in p.axes) for p in parameters}
        self.arrangements = ArrangementReader(expressions, self.shapes)
        self.states = [p.name for p in forward.inputs_of("state")]
        self.inputs = [p.name for p in forward.inputs_of("input")]
        self.outputs = [p.name for p in forward.outputs_of("output")]
        self.sites = {p.name for p in forward.inputs_of("mask")}

    def read(self, frame: Frame) -> tuple[WeightLayout, ...]:
        layouts: list[WeightLayout] = []
        for name in dict.fromkeys(_layout_names(frame)):
            parts = _Parts()
            self._gather(frame, name, _Place(), parts)
            references: list[Counterpart | None] = [None]
            reader = CounterpartReader(self.expressions, name)
            self._guarded(lambda reader=reader, found=references: found.append(reader.read(frame)))
            unmentioned = [p for p in self.shapes if p not in parts.mentioned]
            layouts.append(
                WeightLayout(
                    name=name,
                    arrays=tuple(a for a, _ in parts.arrays.values()),
                    missing=tuple(dict.fromkeys([*parts.missing, *unmentioned])),
                    states=tuple(parts.orders.get("state", self.states)),
                    inputs=tuple(parts.orders.get("input", self.inputs)),
                    outputs=tuple(parts.orders.get("output", self.outputs)),
                    masks=tuple(parts.masks),
                    options=tuple(parts.options.items()),
                    reference=references[-1],
                )
            )
        return tuple(layouts)

    # --- statements ---

    def _gather(self, frame: Frame, name: str, place: _Place, parts: _Parts, *, is_copy: bool = False) -> None:
        is_copy |= frame.is_copy
        scopes: dict[str, str] = {}
        orders: list[tuple[ast.Order, Context]] = []
        outside = place
        self.diagnostics.use = frame.use
        for block, scope in frame.layouts:
            if block.name != name:
                continue
            facts: dict[str, str] = {}
            for option in block.options:
                if option.name == OPTION:
                    continue  # read by itself
                c = Context(scope, frame)
                self._guarded(lambda option=option, c=c, facts=facts: self._option(option, c, facts, parts))
            self._guarded(lambda block=block: _check_numbered(block))
            own = {key: str(parts.options.pop(key)) for key in OF_A_PLACE if key in parts.options}
            place = replace(place, joint=own.get("joint", place.joint)).inside(own.get("scope", ""))
            if "shards" in own:
                place = replace(place, shards=own["shards"], numbered="numbered" in own)
            body = _Body(frame, place, facts, scopes, orders, parts, is_copy, outside)
            self._statements(body, Scope(scope), block.body)
        declared = any(block.name == name for block, _ in frame.layouts)
        inner = [key for key, child in frame.children.items() if name in _layout_names(child)]
        for key, child in (*frame.children.items(), *frame.further_runs):
            # an outer body without a layout of its own: inner ones are told apart by their names
            default = "" if declared or len(inner) < 2 else key.replace(".", "/")
            self._gather(child, name, place.inside(scopes.get(key, default)), parts, is_copy=is_copy)
        self.diagnostics.use = frame.use
        for order, c in orders:  # of whole layers, in which their own layouts have put their states into order
            self._guarded(lambda order=order, c=c: self._order(order, c, parts))

    def _guarded(self, action: Callable[[], None]) -> None:
        try:
            action()
        except Fatal:
            raise
        except Problem as problem:
            report(self.diagnostics, problem)

    def _option(self, option: ast.Argument, c: Context, facts: dict[str, str], parts: _Parts) -> None:
        key = option.name or "scope"
        _check_spelling(key, option)
        value = self.expressions.value(option.value, c)
        if key == "shards" and not isinstance(value, str):
            raise Problem("E501", 'the layout option `shards` is a string, "part_{}"', option.span)
        if key == "numbered" and value not in ("matrices", Choice("matrices")):
            raise Problem("E501", "the layout option `numbered` is `matrices`, and is left out otherwise", option.span)
        if key == "probabilities" and held_word(option.value) is None:
            raise Problem("E501", 'the layout option `probabilities` is "exact" or "float32"', option.span)
        found: str | float | bool
        match value:
            case str():
                found = text = self.arrangements.interpolated(ast.String(value, span=option.value.span), c)
            case bool():
                found, text = value, "true" if value else "false"
            case Num() if value.known is not None:
                found, text = float(value.known), f"{float(value.known):g}"
            case Choice():
                found = text = value.word
            case FnValue():
                found = text = value.name
            case None:
                found = text = "none"
            case _:
                raise Problem("E501", f"the layout option `{key}` is a string, number or word", option.span)
        if key in OF_A_PLACE:
            parts.options[key] = found
            return
        parts.options.setdefault(key, found)
        if key not in HOW_NUMBERS_ARE_HELD:
            facts[key] = text

    def _statements(self, body: _Body, scope: Scope, statements: tuple[ast.Statement, ...]) -> None:
        for s in statements:
            self._guarded(lambda s=s: self._statement(body, scope, s))

    def _statement(self, body: _Body, scope: Scope, s: ast.Statement) -> None:
        frame, parts = body.frame, body.parts
        c = Context(scope, frame)
        expressions = self.expressions
        match s:
            case ast.Entry():
                self._entry(s, c, body)
            case ast.Scope():
                key = self.arrangements.path(s.target, c)
                if key not in frame.children:
                    fix = did_you_mean(key, frame.children) or f"inner cells: {', '.join(frame.children)}"
                    raise Problem("E502", f"there is no inner cell or layer `{key}`", s.target.span, fix=fix)
                body.scopes[key] = self.arrangements.interpolated(s.name, c)
            case ast.Order():
                body.orders.append((s, c))
            case ast.MaskName():
                site = frame.state_prefix + self.arrangements.path(s.target, c)
                if site in self.sites:
                    name = body.outside.name(self.arrangements.interpolated(s.foreign, c))
                    parts.masks.append((name, site))
            case ast.For():
                for value in expressions.list_of(s.values, c):
                    self.expressions.work.spend(1, s.span)
                    self._statements(body, scope.turn(s.name, value), s.body)
            case ast.If():
                chosen = s.body if expressions.truth(s.test, c) else s.orelse
                self._statements(body, scope, chosen)
            case ast.Equation(kind="let"):
                scope.names[s.target.name] = expressions.value(s.value, c)
            case _:
                raise AssertionError(f"the grammar allows no {type(s).__name__} in a layout")

    def _entry(self, s: ast.Entry, c: Context, body: _Body) -> None:
        parts = body.parts
        if body.is_copy:
            return
        self.expressions.work.spend(ENTRY_COST, s.span)
        name = body.place.name(self.arrangements.interpolated(s.foreign, c))
        if name in parts.arrays:
            raise Problem("E504", f"the foreign array `{name}` is arranged twice", s.foreign.span)
        try:
            value, shape = self.arrangements.arrangement(s.value, c)
        except Missing as missing:
            parts.missing.append(missing.name)
            return
        parts.mentioned |= set(_leaves(value))
        place, facts = body.place, tuple(body.facts.items())
        foreign = ForeignArray(name, value, shape, facts, place.shards, place.numbered and len(shape) > 1)
        parts.arrays[name] = (foreign, s.span)

    def _order(self, s: ast.Order, c: Context, parts: _Parts) -> None:
        """Put the listed names of this body first, in the places that its names have among all."""
        known = parts.orders.get(s.kind, {"state": self.states, "input": self.inputs, "output": self.outputs}[s.kind])
        prefix = c.frame.state_prefix if s.kind == "state" else ""
        mine = [n for n in known if n.startswith(prefix)]
        listed: list[str] = []
        for item, inner in self.arrangements.items(s.value, c):
            name = prefix + self.arrangements.path(item, inner)
            members = [n for n in mine if n == name or n.startswith((name + ".", name + "["))]
            if not members:
                if s.kind == "state" and _declared(c.frame, name):
                    continue  # of a layer that nothing reads
                raise Problem("E505", f"there is no {s.kind} `{name}`", item.span, fix=did_you_mean(name, known))
            if set(members) & set(listed):
                raise Problem("E505", f"the {s.kind} `{name}` stands twice in this order", item.span)
            listed.extend(members)
        ordered = iter([*listed, *(n for n in mine if n not in listed)])
        parts.orders[s.kind] = [next(ordered) if n.startswith(prefix) else n for n in known]


def _declared(frame: Frame, name: str) -> bool:
    """Whether there is such a state, or a layer of that name with states, in the text at least."""
    return any(slot.name == name or slot.name.startswith((name + ".", name + "[")) for slot in frame.body.all_states())


def _layout_names(frame: Frame) -> Iterator[str]:
    for block, _ in frame.layouts:
        yield block.name
    for child in frame.children.values():
        yield from _layout_names(child)


def _check_spelling(key: str, option: ast.Argument) -> None:
    """Any other word is a fact about the arrays, so that a slip in an option would be one, too."""
    known = (*OF_A_PLACE, *HOW_NUMBERS_ARE_HELD, OPTION)
    near = None if key in known else did_you_mean(key, known)
    if near is not None:
        span = Span(option.span.source, option.span.start, option.span.start + len(key))
        raise Problem("E221", f"a layout has no option `{key}`", span, fix=near)


def _check_numbered(block: ast.Layout) -> None:
    """Numbers of parts stand in the suffix that `shards` of the same layout tells."""
    options = {option.name: option for option in block.options}
    if "numbered" in options and "shards" not in options:
        message = "the layout option `numbered` needs `shards`, where the numbers stand"
        raise Problem("E501", message, options["numbered"].span, fix='write `shards = "_{}"` beside it')


def _leaves(value: Arrangement) -> Iterator[str]:
    match value:
        case Leaf():
            yield value.parameter
        case Cat():
            for item in value.items:
                yield from _leaves(item)
        case Unused():
            pass
        case _:
            yield from _leaves(value.item)
