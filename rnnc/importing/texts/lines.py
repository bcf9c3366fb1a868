"""The statements of a text, one after the other. Names are bound when they are read, so lines that the description does
not need may hold anything. Loops over lists that are known are carried out."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from contextlib import suppress
from copy import copy

from rnnc.diagnostics import DiagnosticError
from rnnc.importing.python.calling import parameters_given, spread, taken_apart
from rnnc.importing.python.functions import stops_gradients
from rnnc.importing.python.values import (
    Broken,
    Given,
    Lost,
    Names,
    Record,
    Thunk,
    Value,
    problem,
)
from rnnc.importing.texts.changes import is_rebound
from rnnc.importing.texts.definitions import Definitions
from rnnc.importing.texts.evaluate import Evaluator
from rnnc.importing.texts.line import DEFAULTS, SCOPE, Line, opened, unread
from rnnc.importing.texts.lists import ADDS, CHANGING, Changes, changed_in, deleted, names_of, root_of
from rnnc.importing.texts.thrown import dropouts, tell_training

MOST_DEEP = 5  # functions in functions
MOST = 5000  # statements, every turn of a loop counted


class Lines(Definitions):
    """Reads statements; `names` are those after the last one."""

    def __init__(self, evaluator: Evaluator) -> None:
        super().__init__(evaluator)
        self._held = self._count = self._depth = 0
        self._changes = Changes()
        self._jump: ast.Break | ast.Continue | None = None  # out of the innermost loop
        self.returned: Given | Thunk | None = None  # what the function gives whose statements these are

    def read(self, body: Sequence[ast.stmt]) -> Iterator[Line]:
        for statement in body:
            if self.returned is None and self._jump is None:
                self._check_changes(statement)
                yield from self._statement(statement)
                for name in changed_in(statement):
                    for each in (name, *self._changes.of(name, self.names)) if name in self.names else ():
                        self._lose(each, self._unread(statement))

    def carry_out(self, function: ast.FunctionDef, names: Names) -> tuple[Names, Value]:
        """The names behind the last statement of a function, and what it returns."""
        if self._depth >= MOST_DEEP:
            raise problem("E602", "functions call each other too deeply", self._evaluator.span(function))
        inner = Lines(self._evaluator)
        inner.names, inner._functions, inner._depth = {**names}, {**self._functions}, self._depth + 1
        inner._is_function, inner._start = True, names
        outer, self._evaluator.carry_out = self._evaluator.carry_out, inner.carry_out
        try:
            for _ in inner.read(function.body):
                pass
            given = self._evaluator.entry(inner.returned) if inner.returned is not None else None
            result, self._evaluator.returned = (given.value, given.span) if given is not None else (None, None)
        finally:
            self._evaluator.carry_out = outer
        if inner.returned is None and inner.broken:
            raise inner.broken[0]
        return inner.names, result

    def _statement(self, statement: ast.stmt) -> Iterator[Line]:
        self._count += 1
        if self._count > MOST:
            raise problem("E602", "this text does too much", self._evaluator.span(statement))
        before = dict(self.names)
        match statement:
            case (
                ast.Assign(value=ast.Call(func=ast.Name(id=name))) | ast.Expr(value=ast.Call(func=ast.Name(id=name)))
            ) if name in self._functions and self._depth < MOST_DEEP:
                yield from self._carry_out(self._functions[name], statement)
                for node in ast.walk(self._functions[name]):
                    for other in node.names if isinstance(node, ast.Global | ast.Nonlocal) else ():
                        self._lose(other, self._unread(statement))
            case ast.Assign(targets=targets, value=value):
                thunk = Thunk(value, before, before, self._called_now(value))
                for target in targets:
                    self._assign(target, thunk)
                yield Line(value, statement, before)
            case ast.AnnAssign(target=target, value=ast.expr() as value):
                self._assign(target, Thunk(value, before, before))
                yield Line(value, statement, before)
            case ast.AugAssign(target=target) if isinstance(target, ast.Name) or (
                self._is_function and isinstance(target, ast.Attribute)
            ):
                yield from self._augment(statement)
            case ast.FunctionDef() | ast.ClassDef():
                self._define(statement, before)
            case ast.Expr():
                yield from self._expression(statement, before)
            case ast.For() | ast.If():
                yield from self._block(statement)
            case ast.With() if self._is_function and stops_gradients(statement):
                what, fix = "of what has no gradients such a block is not read", "`y.detach()` is read"
                self._break(statement, problem("E602", what, self._evaluator.span(statement), fix=fix))
            case ast.With():
                self._tell_block(statement.items, statement)
                yield from self._with(statement)
            case ast.Try(body=body, orelse=orelse, finalbody=finalbody):
                yield from self.read([*body, *orelse, *finalbody])
            case ast.Break() | ast.Continue():
                self._jump = statement
            case ast.Raise() if self._is_function:
                raise Lost(
                    problem("E602", "the text raises an error here", self._evaluator.span(statement)).diagnostics
                )
            case ast.Import() | ast.ImportFrom():
                self._import(statement)
            case ast.Delete():
                for name in deleted(statement):
                    self._lose(name, self._unread(statement))
            case ast.Pass() | ast.Assert() | ast.Global():
                pass
            case ast.Return(value=value) if self._is_function:
                nothing = Given(None, self._evaluator.span(statement))
                self.returned = Thunk(value, before, before) if value is not None else nothing
            case _:
                self._break(statement, self._unread(statement))
                yield unread(statement)

    def _expression(self, statement: ast.Expr, before: Names) -> Iterator[Line]:
        """A statement that is an expression: what is added to a list or a model, what is thrown away, or a value."""
        match statement.value:
            case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr=method), args=[one]) if (
                method in ADDS and isinstance(entry := self.names.get(name), Thunk | Broken)
            ):
                yield from self._add(name, method, entry, one, statement) if isinstance(entry, Thunk) else ()
                if not (isinstance(entry, Thunk) and method == "add"):
                    yield Line(one, statement, before, isinstance(entry, Thunk), is_more=True)
            case ast.Call(
                func=ast.Attribute(value=ast.Attribute(value=ast.Name(id=name), attr=field), attr="append"), args=[one]
            ) if name in self.names:
                self._append(name, field, one)
                yield Line(one, statement, before, is_more=True)
            case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr=method)) as call if (
                method in CHANGING or self._is_held(name)
            ) and name in self.names:
                self._throw_away(call, statement)
                if not isinstance(self.names[name], Broken):
                    self._lose(name, self._unread(statement))  # `cells.reverse()`
                yield unread(statement)
            case value:
                if isinstance(value, ast.Call):
                    self._throw_away(value, statement)
                yield Line(value, statement, before)

    def _augment(self, statement: ast.AugAssign) -> Iterator[Line]:
        """`y += x` and `self.y += x` give the name another value; an array of PyTorch's is changed in place."""
        before, target = dict(self.names), statement.target
        read = copy(target)
        read.ctx = ast.Load()
        whole = ast.copy_location(ast.BinOp(left=read, op=statement.op, right=statement.value), statement)
        had = self._evaluator.if_known(read, before).value
        if not is_rebound(had):
            self._change(had, statement)
        self._assign(target, Thunk(whole, before, before))
        given = ast.copy_location(ast.Assign(targets=[target], value=whole), statement)
        yield Line(whole, given, before, is_more=True)

    def _with(self, statement: ast.With) -> Iterator[Line]:
        """What stands in a block, whose variable scopes its lines know."""
        outer = {name: self.names[name] for name in (SCOPE, DEFAULTS) if name in self.names}
        for item in statement.items:
            self.names |= opened(item, self.names, self._evaluator.span(item.context_expr))
        yield from self.read(statement.body)
        self.names = {name: entry for name, entry in self.names.items() if name not in (SCOPE, DEFAULTS)} | outer

    def _is_held(self, name: str) -> bool:
        """Whether a name is that of a list or a dictionary, which methods change."""
        entry = self.names.get(name)
        with suppress(DiagnosticError):
            held = self._evaluator.entry(entry).value if isinstance(entry, Thunk) else None
            return isinstance(held, list) or (isinstance(held, Record) and not held.is_class)
        return False

    def _carry_out(self, function: ast.FunctionDef, statement: ast.Assign | ast.Expr) -> Iterator[Line]:
        """`logits = model(x)`: the lines of the function, in which its parameters are the arguments."""
        call = statement.value
        assert isinstance(call, ast.Call)
        outside = self.names
        whole, names = spread(self._evaluator, call, outside)
        local = parameters_given(self._evaluator, function.args, whole, names, outside)
        if local is None:
            what = "this call of a function is not read"
            raise problem("E602", what, self._evaluator.span(call), fix="write the call out")
        self._callers.append(outside)
        self.names = {**outside, **local}
        self._depth += 1
        count = len(self._changes)
        for inner in function.body:
            if isinstance(inner, ast.Return) and inner.value is not None:
                targets = statement.targets if isinstance(statement, ast.Assign) else []
                last = ast.Assign(targets=targets, value=inner.value) if targets else ast.Expr(value=inner.value)
                ast.copy_location(last, inner)
                before = dict(self.names)
                yield Line(inner.value, last, before)
                for target in targets:
                    self._assign(target, Thunk(inner.value, before, before))
                outside = {**outside, **{name: self.names[name] for name in names_of(targets) if name in self.names}}
                break
            yield from self.read([inner])
        self._depth -= 1
        self._callers.pop()
        self.names = outside
        for other in self._changes.since(count, outside):
            self._lose(other, self._unread(statement))

    # --- blocks ---

    def _block(self, statement: ast.For | ast.If) -> Iterator[Line]:
        """A loop turn by turn, or the branch that is taken."""
        if isinstance(statement, ast.For) and self._is_initial(statement):
            return
        try:
            if isinstance(statement, ast.For) and self._is_over_steps(statement):
                return
            if isinstance(statement, ast.If):
                turns = [None]
                chosen = dropouts(self._evaluator, statement, self.names)
                if chosen is None:
                    chosen = statement.body if self._truth(statement.test) else statement.orelse
            else:
                turns = self._evaluator.items(statement.iter, self.names)
                chosen = statement.body
        except DiagnosticError as error:
            self._break(statement, error)
            yield unread(statement)
            return
        for turn in turns:
            if isinstance(statement, ast.For) and turn is not None:
                try:
                    self.names |= taken_apart(self._evaluator, statement.target, turn)
                except DiagnosticError as error:
                    self._break(statement, error)
                    yield unread(statement)
                    return
            yield from self.read(chosen)
            if isinstance(statement, ast.For) and self._jump is not None:
                left, self._jump = self._jump, None
                if isinstance(left, ast.Break):
                    return
        if isinstance(statement, ast.For):
            yield from self.read(statement.orelse)

    def _truth(self, test: ast.expr) -> bool:
        if ast.unparse(test) == "__name__ == '__main__'":
            return True
        is_true = self._evaluator.truth(test, self.names)
        tell_training(self._evaluator, test)
        return is_true

    # --- names ---

    def _hold(self, node: ast.expr) -> ast.Name:
        """A name for an expression with the names that it reads now."""
        self._held += 1
        name = f"‹{self._held}›"
        before = dict(self.names)
        self.names[name] = Thunk(node, before, before)
        return ast.copy_location(ast.Name(id=name, ctx=ast.Load()), node)

    def _add(self, name: str, method: str, entry: Thunk, one: ast.expr, statement: ast.Expr) -> Iterator[Line]:
        """`cells.append(one)` gives the name another list, `model.add(one)` another model."""
        for other in self._changes.of(name, self.names):
            self._lose(other, self._unread(statement))
        one = self._hold(one)
        more = one if method == "extend" else ast.copy_location(ast.List(elts=[one], ctx=ast.Load()), one)
        node = entry.node
        if isinstance(node, ast.Call) and method == "add":
            had = node.args[0] if node.args else ast.copy_location(ast.List(elts=[], ctx=ast.Load()), node)
            layers = ast.copy_location(ast.BinOp(left=had, op=ast.Add(), right=more), one)
            whole: ast.expr = ast.copy_location(ast.Call(func=node.func, args=[layers], keywords=node.keywords), node)
        else:
            whole = ast.copy_location(ast.BinOp(left=self._hold_entry(entry), op=ast.Add(), right=more), one)
        names = {**entry.names, **{key: value for key, value in self.names.items() if key.startswith("‹")}}
        self.names[name] = Thunk(whole, names, names)
        if isinstance(whole, ast.Call):
            yield Line(ast.copy_location(ast.Name(id=name, ctx=ast.Load()), node), statement, dict(self.names))

    def _append(self, name: str, field: str, one: ast.expr) -> None:
        """`self.layers.append(one)`."""
        read = ast.Attribute(value=ast.Name(id=name, ctx=ast.Load()), attr=field, ctx=ast.Load())
        more = ast.List(elts=[one], ctx=ast.Load())
        whole = ast.BinOp(left=read, op=ast.Add(), right=more)
        for node in (read, read.value, more, whole):
            ast.copy_location(node, one)
        before = dict(self.names)
        self._set(name, field, Thunk(whole, before, before))

    def _hold_entry(self, entry: Thunk) -> ast.Name:
        self._held += 1
        name = f"‹{self._held}›"
        self.names[name] = entry
        return ast.copy_location(ast.Name(id=name, ctx=ast.Load()), entry.node)

    def _assign(self, target: ast.expr, thunk: Thunk) -> None:
        """A plain name holds the value, one of several its own (`a, b = GRUCell(4), GRUCell(3)`). Of what a call gives
        (`outputs, state = …`) the first are the outputs, and the others are tensors, which nobody reads."""
        if isinstance(target, ast.Tuple | ast.List) and target.elts:
            values = thunk.node.elts if isinstance(thunk.node, ast.Tuple | ast.List) else []
            if len(values) == len(target.elts):
                for part, value in zip(target.elts, values, strict=True):
                    self._assign(part, Thunk(value, thunk.names, thunk.line))
                return
            held = self._hold_entry(thunk)
            for k, part in enumerate(target.elts):  # `a, b = [GRUCell(4)] * 2`, `outputs, state = …`
                place: ast.expr = ast.copy_location(ast.Constant(value=k), held)
                if isinstance(part, ast.Starred):
                    place, part = ast.copy_location(ast.Slice(lower=place), held), part.value
                one = ast.copy_location(ast.Subscript(value=held, slice=place, ctx=ast.Store()), held)
                self._assign(part, Thunk(one, dict(self.names), thunk.line))
            return
        match target:
            case ast.Name(id=name):
                self.names[name] = thunk
            case ast.Attribute():
                self._set_field(target, thunk)
            case ast.Subscript(value=ast.Name(id=name), slice=ast.Constant(value=str() as key)):
                self._set(name, key, thunk)
            case ast.Subscript(value=base) if (root := root_of(target)) is not None and root in self.names:
                self._change(self._evaluator.if_known(base, self.names).value, target)
                self._lose(root, self._changed(target))
            case _:
                pass
