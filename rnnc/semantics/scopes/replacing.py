"""What `with` makes of the statements of a body: equations, or members, are replaced, added and dropped."""

from __future__ import annotations

from collections.abc import Iterator, Set
from dataclasses import replace
from typing import TypeGuard

from rnnc.semantics.near import did_you_mean
from rnnc.semantics.problems import Problem
from rnnc.syntax import ast
from rnnc.syntax.walk import names_in, statements_in

Statements = tuple[ast.Statement, ...]
Defining = ast.Equation | ast.Use | ast.Carry
_DECLARED = ("input", "state", "param", "fixed")
NO_LOOPS: frozenset[str] = frozenset()


def changed(body: Statements, change: ast.Statement) -> Statements:
    """Replace in all branches, drop, or add what replaces nothing."""
    match change:
        case ast.Equation() | ast.Use() | ast.Carry():
            return _Replacement(change).carried_out(body)
        case ast.Declaration():
            return (change, *_left(body, change))
        case ast.Output() | ast.Layout():
            return _in_place(body, change)
        case ast.Drop(targets=targets):
            for target in targets:
                body = _drop(body, target)
            return body
        case ast.If():
            for drop in _drops_in(change):
                for target in drop.targets:
                    _drop(body, target)  # an error where there is nothing of that name
            return (*_left(body, change), _without_drops(change))
        case ast.For():
            for drop in _drops_in(change):
                first = drop.targets[0]
                name = "carry " * bool(first.path) + _name(first)
                fix = f"all members go with `drop {name}`, one with `drop {name}[0]`"
                raise Problem("E412", "`drop` belongs in `with { … }` itself, or an `if` there", drop.span, fix=fix)
            return (*_left(body, change), change)
        case _:
            return (*body, change)


# --- members ---


def _name(target: ast.Target) -> str:
    """`h`; of what is carried the whole path, `f.low.h`."""
    return ".".join(part.name for part in (target, *target.path))


def _indices(target: ast.Target) -> tuple[ast.Expr, ...]:
    return tuple(index for part in (target, *target.path) for index in part.indices)


def _defines(s: ast.Statement, target: ast.Target) -> TypeGuard[Defining]:
    """Does this equation, instance or carry define what the target names, or members of the same family?"""
    return isinstance(s, Defining) and (_name(s.target), s.target.primed) == (_name(target), target.primed)


def _remainder(own: tuple[ast.Expr, ...], target: ast.Target, loops: Set[str]) -> bool | ast.Expr:
    """What stays of a definition with these indices if the target is defined elsewhere: nothing, all, or what a test on
    the variables of the loops around tells. A target without indices, or with these variables, is all members."""
    gone = _indices(target)
    if not gone or not loops.isdisjoint(names_in(gone)):
        return False
    if len(gone) != len(own):
        return bool(target.path)  # one of `f.states`, a list, is no carry of its own
    pairs = [(a, b) for a, b in zip(own, gone, strict=True) if a != b]
    if any(_is_plain(a) and _is_plain(b) for a, b in pairs):
        return True
    if not pairs:
        return False
    same: ast.Expr | None = None
    for a, b in pairs:
        equal = ast.Binary("==", a, b, span=b.span)
        same = equal if same is None else ast.Binary("and", same, equal, span=b.span)
    assert same is not None
    return ast.Unary("not", same, span=target.span)


def _is_plain(index: ast.Expr) -> bool:
    """A number as it stands: two that are written differently are different."""
    if isinstance(index, ast.Unary):
        return index.op == "-" and isinstance(index.operand, ast.Number)
    return isinstance(index, ast.Number)


def _rest(s: Defining | ast.Declaration, stays: bool | ast.Expr) -> Statements:
    """A statement as far as it stays."""
    if isinstance(stays, bool):
        return (s,) if stays else ()
    return (ast.If(stays, (s,), (), span=stays.span),)


def _loops_of(block: Statements, target: ast.Target, loops: frozenset[str] = NO_LOOPS) -> frozenset[str]:
    """The variables of all loops in which definitions of this name stand."""
    found = NO_LOOPS
    for s in block:
        match s:
            case ast.For(name=name, body=body):
                found |= _loops_of(body, target, loops | {name})
            case ast.If(body=body, orelse=orelse):
                found |= _loops_of((*body, *orelse), target, loops)
            case _ if _defines(s, target):
                found |= loops
            case _:
                pass
    return found


class _Replacement:
    """One equation, instance or carry in the place of those that define the same."""

    def __init__(self, new: Defining) -> None:
        self._new = new
        self._variables: Set[str] = NO_LOOPS  # of loops of the body that the new one reads, as the old one did
        self._found = False
        self._parted = False  # a loop goes on to define other members

    def carried_out(self, body: Statements) -> Statements:
        indices = _indices(self._new.target)
        self._variables = _loops_of(body, self._new.target) & set(names_in(indices))
        result = self._block(body, NO_LOOPS, covered=not indices or bool(self._variables))
        return result if self._found else (*result, self._new)

    def _block(self, block: Statements, loops: frozenset[str], *, covered: bool) -> Statements:
        """`covered`: the member has a definition that takes its place here; else it comes behind the first loop that
        had it among others."""
        covered = covered or any(self._is_same(s, loops) for s in block)
        result: list[ast.Statement] = []
        for s in block:
            match s:
                case ast.Equation() | ast.Use() | ast.Carry() if self._is_of(s):
                    result += self._in_place_of(s, loops)
                case ast.For(name=name, body=body):
                    self._parted = False
                    result.append(replace(s, body=self._block(body, loops | {name}, covered=True)))
                    if self._parted and not covered:
                        result.append(self._new)
                        self._found = covered = True
                case ast.If(body=body, orelse=orelse):
                    then, otherwise = (self._block(b, loops, covered=covered) for b in (body, orelse))
                    result.append(replace(s, body=then, orelse=otherwise))
                case _:
                    result.append(s)
        return tuple(result)

    def _is_of(self, s: ast.Statement) -> TypeGuard[Defining]:
        return isinstance(s, type(self._new)) and _defines(s, self._new.target)

    def _is_same(self, s: ast.Statement, loops: frozenset[str]) -> bool:
        return self._is_of(s) and _remainder(_indices(s.target), self._new.target, loops) is False

    def _in_place_of(self, s: Defining, loops: frozenset[str]) -> Statements:
        stays = _remainder(_indices(s.target), self._new.target, loops) if self._variables <= loops else True
        if stays is not False:
            self._parted = self._parted or stays is not True
            return _rest(s, stays)
        self._found = True
        # the member's own indices stay: the new right-hand side reads the same loop variables
        new = self._new.target
        return (replace(self._new, target=new if _indices(new) else replace(s.target, span=new.span)),)


# --- branches, loops, declarations ---


def _left(body: Statements, change: ast.Statement, loops: frozenset[str] = NO_LOOPS) -> Statements:
    """What a change with branches or repetition leaves of a body: a name that some branches alone define keeps its old
    definition in the others. A loop takes the place of all members."""
    result: list[ast.Statement] = []
    for s in body:
        match s:
            case ast.For():
                result.append(replace(s, body=_left(s.body, change, loops | {s.name})))
            case ast.If():
                result.append(replace(s, body=_left(s.body, change, loops), orelse=_left(s.orelse, change, loops)))
            case ast.Declaration(items=items) if len(items) > 1 and _defined(s) & _defined(change):
                result += _left(tuple(replace(s, items=(item,)) for item in items), change, loops)
            case _ if not _defined(s) & _defined(change):
                result.append(s)
            case _ if isinstance(change, ast.If):
                then, otherwise = (s,), (s,)
                for inner in change.body:
                    then = _left(then, inner, loops)
                for inner in change.orelse:
                    otherwise = _left(otherwise, inner, loops)
                if then or otherwise:
                    result.append(replace(change, body=then, orelse=otherwise))
            case ast.Equation() | ast.Use() | ast.Carry() if isinstance(change, Defining):
                result += _rest(s, _remainder(_indices(s.target), change.target, loops))
            case _ if isinstance(change, ast.Drop):
                rest = (s,)
                for target in change.targets:
                    rest = _dropped(rest, target, loops)
                result += rest
            case _:
                pass
    return tuple(result)


def _defined(s: ast.Statement) -> set[tuple[str, str, bool]]:
    """What a statement defines in any of its branches: kind, name, and whether it is a state's next value."""
    match s:
        case ast.Equation(target=target):
            return {("equation", target.name, target.primed)}
        case ast.Declaration(kind=kind, items=items):
            return {(kind, item.name, False) for item in items}
        case ast.Output():
            return {("output", "", False)}
        case ast.Use(target=target):
            return {("use", target.name, False)}
        case ast.Carry(target=target):
            return {("carry", _name(target), False)}
        case ast.Layout(name=name):
            return {("layout", name, False)}
        case ast.Drop(targets=targets):
            plain = {(kind, _name(t), False) for t in targets if not t.primed for kind in ("use", "carry", *_DECLARED)}
            return {("equation", _name(t), t.primed) for t in targets} | plain
        case ast.For(body=body):
            return set[tuple[str, str, bool]]().union(*map(_defined, body))
        case ast.If(body=body, orelse=orelse):
            return set[tuple[str, str, bool]]().union(*map(_defined, (*body, *orelse)))
        case _:
            return set()


def _in_place(body: Statements, new: ast.Output | ast.Layout) -> Statements:
    """Outputs, or a layout, where the old ones stood, in all branches."""
    found = False

    def visit(block: Statements) -> Statements:
        nonlocal found
        result: list[ast.Statement] = []
        for s in block:
            match s:
                case ast.Output() | ast.Layout() if _defined(s) == _defined(new):
                    found = True
                    result.append(new)
                case ast.For(body=inner):
                    result.append(replace(s, body=visit(inner)))
                case ast.If(body=then, orelse=otherwise):
                    result.append(replace(s, body=visit(then), orelse=visit(otherwise)))
                case _:
                    result.append(s)
        return tuple(result)

    result = visit(body)
    return result if found else (*result, new)


# --- drop ---


def _drops_in(change: ast.If | ast.For) -> Iterator[ast.Drop]:
    return (s for s in statements_in((change,)) if isinstance(s, ast.Drop))


def _without_drops(change: ast.If) -> ast.If:
    """What a change adds, after what it drops has gone."""
    body, orelse = (
        tuple(_without_drops(s) if isinstance(s, ast.If) else s for s in block if not isinstance(s, ast.Drop))
        for block in (change.body, change.orelse)
    )
    return replace(change, body=body, orelse=orelse)


def _drop(body: Statements, target: ast.Target) -> Statements:
    """Without a name, or a member, that must be there."""
    dropped = _dropped(body, target)
    if dropped == body:
        kinds = ("carry",) if target.path else ("equation", "use", *_DECLARED)
        names = sorted({n for s in body for kind, n, _ in _defined(s) if kind in kinds})
        message = f"there is no `{'carry ' * bool(target.path)}{target.span.text}` to drop"
        raise Problem("E238", message, target.span, fix=did_you_mean(_name(target), names))
    return dropped


def _dropped(body: Statements, target: ast.Target, loops: frozenset[str] = NO_LOOPS) -> Statements:
    result: list[ast.Statement] = []
    for s in body:
        match s:
            case ast.Equation() | ast.Use() | ast.Carry() if _defines(s, target):
                result += _rest(s, _remainder(_indices(s.target), target, loops))
            case ast.Declaration(items=items) if not target.primed and any(i.name == _name(target) for i in items):
                for item in items:
                    stays = item.name != _name(target) or _remainder(item.indices, target, loops)
                    result += _rest(replace(s, items=(item,)), stays)
            case ast.For(name=name, body=inner):
                result.append(replace(s, body=_dropped(inner, target, loops | {name})))
            case ast.If(body=then, orelse=otherwise):
                then, otherwise = (_dropped(block, target, loops) for block in (then, otherwise))
                result.append(replace(s, body=then, orelse=otherwise))
            case _:
                result.append(s)
    return tuple(result)
