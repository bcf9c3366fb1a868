"""Functions and classes that a text defines, and what is lost of statements that are not read."""

from __future__ import annotations

import ast

from rnnc.diagnostics import DiagnosticError
from rnnc.importing.python.classes import is_model
from rnnc.importing.python.functions import as_lambda, changed
from rnnc.importing.python.values import Blueprint, Given, Names, Record, Reference, Thunk, Value, problem
from rnnc.importing.texts.bindings import Bindings
from rnnc.importing.texts.changes import value_of
from rnnc.importing.texts.evaluate import Evaluator
from rnnc.importing.texts.fields import builds, constants
from rnnc.importing.texts.lists import ADDS, root_of


class Definitions(Bindings):
    """Gives what is defined its name; `broken` are the errors of statements that are not read."""

    def __init__(self, evaluator: Evaluator) -> None:
        super().__init__(evaluator)
        self.broken: list[DiagnosticError] = []
        self._functions: dict[str, ast.FunctionDef] = {}  # those that are no expressions

    def _define(self, statement: ast.FunctionDef | ast.ClassDef, before: Names) -> None:
        match statement:
            case ast.FunctionDef(name=name):
                function = as_lambda(statement)
                if function is not None:
                    self._evaluator.outermost.add(function)
                    self._evaluator.changes[function] = changed(statement)
                    self.names[name] = Thunk(function, before, before)
                else:
                    self.names[name] = Given(Reference(name), self._evaluator.span(statement))
                    self._functions[name] = statement
            case ast.ClassDef() if is_model(statement) or self._has_model(statement):
                bases = [self._entry(base) for base in statement.bases]
                known = tuple(base for base in bases if isinstance(base, Blueprint))
                blueprint = Blueprint(statement, self.names, known)  # the names as they are when an object is made
                self.names[statement.name] = Given(blueprint, self._evaluator.span(statement))
            case _:
                self._class(statement)

    def _class(self, statement: ast.ClassDef) -> None:
        """A class of constants (`class Config: units = 4`), or one whose `__init__` only sets some."""
        fields, error = constants(statement, dict(self.names)), builds(self._evaluator, statement)
        if not fields or builds(self._evaluator, statement, "__init__") is not None:
            self._break(statement, error or self._unread(statement))
        else:
            self.broken += [error] if error is not None else []
            self.names[statement.name] = Given(Record(fields, is_class=True), self._evaluator.span(statement))

    def _entry(self, node: ast.expr) -> Value:
        """The value of a name, None where it has none that is read."""
        entry = self.names.get(node.id) if isinstance(node, ast.Name) else None
        return entry.value if isinstance(entry, Given) else None

    def _has_model(self, statement: ast.ClassDef) -> bool:
        """Whether a class is made of one whose objects compute something."""
        return any(isinstance(self._entry(base), Blueprint) for base in statement.bases)

    def _unread(self, statement: ast.stmt) -> DiagnosticError:
        fix = "pass the lines that make the cell or layer"
        return problem("E602", "this kind of statement is not read", self._evaluator.span(statement), fix=fix)

    def _break(self, statement: ast.stmt, error: DiagnosticError) -> None:
        """Nobody knows what the names are that a statement assigns, or adds something to."""
        if isinstance(statement, ast.Return) or (
            self._is_function and any(isinstance(node, ast.Return | ast.Break) for node in ast.walk(statement))
        ):
            raise error
        self.broken.append(error)
        for node in ast.walk(statement):
            match node:
                case ast.Name(id=name, ctx=ast.Store()) | ast.FunctionDef(name=name) | ast.ClassDef(name=name):
                    self._lose(name, error)
                case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr=method)) if method in ADDS:
                    self._lose(name, error)
                case ast.Attribute(value=ast.Name(id=name), ctx=ast.Store()) if (
                    self._is_function and name in self.names
                ):
                    self._lose(name, error)
                case ast.Subscript(ctx=ast.Store()) if (root := root_of(node)) is not None:
                    self._change(value_of(self._evaluator, self.names.get(root)), statement)
                    self._lose(root, error)
                case _:
                    pass
