"""The names of a text while its statements are read, and what these change that no name says: arrays in place, fields
of objects and of layers, lists. What nobody can follow is an error where it is read, or at once."""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence
from contextlib import suppress

from rnnc.diagnostics import DiagnosticError
from rnnc.importing.python import classes
from rnnc.importing.python.classes import with_field
from rnnc.importing.python.values import (
    Broken,
    Finals,
    Given,
    Instance,
    Lost,
    Made,
    Names,
    Reference,
    Tensor,
    Thunk,
    Value,
    as_tensor,
    problem,
)
from rnnc.importing.texts.changes import in_place, memory_of, sharing, value_of
from rnnc.importing.texts.evaluate import Evaluator
from rnnc.importing.texts.fields import of_layer
from rnnc.importing.texts.initial import is_over_parts, only_fills, what_it_does
from rnnc.importing.texts.lists import root_of
from rnnc.importing.texts.steps import over_steps
from rnnc.importing.texts.thrown import HARMLESS_BLOCKS, has_tensor, is_harmless, method_of, mutated


class Bindings:
    """Names and what they hold; `names` are those after the last statement."""

    def __init__(self, evaluator: Evaluator) -> None:
        self._evaluator = evaluator
        self.names: dict[str, Given | Thunk | Broken] = {}
        self._is_function = False
        self._start: Names = {}  # what a function is given
        self._callers: list[dict[str, Given | Thunk | Broken]] = []  # names around functions that are carried out

    def _lose(self, name: str, error: DiagnosticError) -> None:
        """Nobody knows what a name is from here on: an error where it is read, but for data of scripts."""
        entry = self.names.get(name)
        was_read = isinstance(entry, Broken) and isinstance(entry.error, Lost)
        if isinstance(entry, Given | Thunk) and not self._is_function:
            with suppress(DiagnosticError):
                was_read = as_tensor(self._evaluator.entry(entry).value) is not None
        self.names[name] = Broken(Lost(error.diagnostics) if self._is_function or was_read else error)

    def _changed(self, node: ast.AST) -> DiagnosticError:
        fix = "`torch.where(…)`, `tf.where(…)` or `torch.cat(…)` give a new one"
        return problem("E602", "what changes an array in place is not read", self._evaluator.span(node), fix=fix)

    # --- what statements change ---

    def _check_changes(self, statement: ast.stmt) -> None:
        """What a plain statement changes in place: nobody knows from here on what the names of such arrays are."""
        if isinstance(statement, ast.For | ast.If | ast.With | ast.Try | ast.FunctionDef | ast.ClassDef | ast.While):
            return
        for operand in list(in_place(self._evaluator, statement, self.names)):
            changed = self._evaluator.if_known(operand, self.names).value
            read = [ast.unparse(each) for each in ast.walk(statement) if isinstance(each, type(operand))]
            if memory_of(changed) and self._is_function and read.count(ast.unparse(operand)) > 1:
                raise Lost(self._changed(statement).diagnostics)
            self._change(changed, statement)
            root = root_of(operand)
            is_array = bool(memory_of(changed)) or changed is None or isinstance(changed, Reference | list)
            if root is not None and is_array and isinstance(statement, ast.Expr) and root in self.names:
                self._lose(root, self._changed(statement))  # `h.mul_(2)`

    def _change(self, value: Value, node: ast.AST) -> None:
        """An array is changed in place: all names in whose memory it is are lost."""
        changed = memory_of(value)
        if not changed:
            return
        if self._evaluator.models > 1 and any(sharing(self._evaluator, self._start, changed)):
            fix = "make a new array: `y = y + 1`"
            what = "what changes an array of its caller in place is not read"
            raise Lost(problem("E602", what, self._evaluator.span(node), fix=fix).diagnostics)
        error = Lost(self._changed(node).diagnostics)
        for names in (self.names, *self._callers):
            for name in list(sharing(self._evaluator, names, changed)):
                owner, _, field = name.partition(".")
                held = names[owner]
                if field and isinstance(held, Given | Thunk):
                    names[owner] = with_field(self._evaluator.entry(held), field, Broken(error)) or Broken(error)
                elif self._is_function or not owner.startswith("‹"):
                    names[owner] = Broken(error)

    def _throw_away(self, call: ast.Call, statement: ast.Expr) -> None:
        """A statement that is a call. E602: nobody knows what it does to the arrays that it is given."""
        ev = self._evaluator
        if (whole := mutated(ev, call, self.names)) is not None:
            what = f"`{' '.join(ev.span(statement).text.split())}` changes what a name holds, which is not read"
            error = problem("E602", what, ev.span(statement), fix="write the list or the model as it is in the end")
            if isinstance(ev.if_known(whole, self.names).value, Made):
                raise error
            root = root_of(whole)
            if root is not None and root in self.names:
                self.names[root] = Broken(Lost(error.diagnostics))
            return
        if not self._is_function or is_harmless(call):
            return
        method = method_of(ev, call, self.names)
        if method is not None and isinstance(call.func, ast.Attribute) and isinstance(call.func.value, ast.Name):
            after, _ = classes.after(ev, method, call, self.names)
            if after is not None:
                self.names[call.func.value.id] = after
        elif has_tensor(ev, call, self.names) and not list(in_place(ev, statement, self.names)):
            what = "what this call does to an array is not read, and nobody keeps what it gives"
            raise Lost(
                problem("E602", what, ev.span(statement), fix="leave the line out, or `y = …` of it").diagnostics
            )

    def _called_now(self, value: ast.expr) -> Given | None:
        """What a method gives that also sets fields of its object, which is another one from here on."""
        if not self._is_function or not isinstance(value, ast.Call):
            return None
        method = method_of(self._evaluator, value, self.names)
        if method is None or not classes.sets(method.node):
            return None
        assert isinstance(value.func, ast.Attribute)
        assert isinstance(value.func.value, ast.Name)
        after, result = classes.after(self._evaluator, method, value, self.names)
        if after is not None:
            self.names[value.func.value.id] = after
        return Given(result, self._evaluator.span(value))

    def _tell_block(self, items: Sequence[ast.withitem], statement: ast.With) -> None:
        """E602: a block of a model that may change what is computed in it."""
        for item in items if self._is_function else ():
            name = ast.unparse(item.context_expr)
            if re.search(r"\bautocast\b", name):
                self._evaluator.remarks.add(
                    f"`with {name}` rounds numbers, which is left out: give types to the module"
                )
            elif not HARMLESS_BLOCKS.search(name):
                what = f"what `with {name}` does is not known"
                fix = "leave the block out where it changes no numbers"
                raise Lost(problem("E602", what, self._evaluator.span(item.context_expr), fix=fix).diagnostics)

    def _set_field(self, target: ast.Attribute, thunk: Thunk) -> None:
        """`self.rnn = …`, `config.units = 4`; E606 and E602 of what is set of a layer."""
        ev, base = self._evaluator, target.value
        if isinstance(base, ast.Name) and not isinstance(value_of(ev, self.names.get(base.id)), Made | Tensor):
            self._set(base.id, target.attr, thunk)
            return
        inner: ast.expr = base
        while isinstance(inner, ast.Attribute) and not isinstance(ev.if_known(inner, self.names).value, Made):
            inner = inner.value
        made = ev.if_known(inner, self.names).value
        if isinstance(made, Made):
            error = of_layer(made, target, thunk.node, ev.span(target), ev.remarks)
            if error is not None:
                raise Lost(error.diagnostics)
            return
        held = ev.if_known(base, self.names)
        if isinstance(held.value, Tensor) and target.attr == "data":
            self._change(held.value, target)
        elif isinstance(base, ast.Attribute) and (found := with_field(held, target.attr, thunk)) is not None:
            self._set_field(base, Thunk(base, self.names, self.names, found))

    def _set(self, name: str, field: str, thunk: Thunk) -> None:
        """`config.units = 4`."""
        entry = self.names.get(name)
        try:
            held = self._evaluator.entry(entry) if isinstance(entry, Given | Thunk) else None
        except DiagnosticError:
            return
        found = with_field(held, field, thunk) if held is not None else None
        if found is not None:
            self.names[name] = found
            self._tell_kept(held, field, thunk)

    def _tell_kept(self, held: Given | None, field: str, thunk: Thunk) -> None:
        """Final states that a field of a model keeps, which had others before: the next call begins with them."""
        if (
            self._evaluator.models
            and held is not None
            and isinstance(held.value, Instance)
            and field in held.value.made
        ):
            value = value_of(self._evaluator, thunk)
            kept = [item.value for item in value] if isinstance(value, list) else [value]
            if any(isinstance(each, Finals) for each in kept):
                what = f"`{field}` keeps states from one call to the next, which is left out"
                self._evaluator.remarks.add(f"{what}: a module takes and gives them as `state`")

    # --- loops that are read as a whole ---

    def _is_initial(self, loop: ast.For) -> bool:
        """Whether a loop only sets initial values, which is told. E602: it does something else to parameters."""
        if not is_over_parts(self._evaluator, loop, self.names):
            return False
        if not only_fills(self._evaluator, loop, self.names):
            if not self._is_function:
                return False
            what, fix = (
                "what this loop does with the parts of a model is not read",
                "name the parts, one after the other",
            )
            raise Lost(problem("E602", what, self._evaluator.span(loop.iter), fix=fix).diagnostics)
        first = " ".join(self._evaluator.span(loop).text.partition("\n")[0].split())
        if (told := what_it_does(loop)) is not None:
            self._evaluator.remarks.add(f"`{first}` {told}, which is left out")
        self._forget(loop)
        return True

    def _is_over_steps(self, loop: ast.For) -> bool:
        """Whether a loop calls cells step by step, as layers do by themselves."""
        ev = self._evaluator
        found = over_steps(ev, ev.tensors, loop, self.names) if self._is_function else None
        if found is None:
            return False
        self._forget(loop)
        self.names |= found
        return True

    def _forget(self, loop: ast.For) -> None:
        """Nobody knows what the names are that a loop sets."""
        what = "what this is behind the loop is not read"
        error = problem("E602", what, self._evaluator.span(loop.target))
        for node in ast.walk(loop):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                self._lose(node.id, error)

    def _import(self, statement: ast.Import | ast.ImportFrom) -> None:
        span = self._evaluator.span(statement)
        front = f"{statement.module}." if isinstance(statement, ast.ImportFrom) and statement.module else ""
        for alias in statement.names:
            path = front + alias.name
            if alias.asname is None and not front:
                self.names.pop(alias.name.partition(".")[0], None)  # `import a.b` binds `a`, which stands for itself
            else:
                self.names[alias.asname or alias.name] = Given(Reference(path), span)
