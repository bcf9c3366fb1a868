"""How calls of the library's functions are read: which function, and which argument is which. Keywords that nobody
here understands make a call one that is not read."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass

from rnnc.diagnostics import DiagnosticError
from rnnc.importing.python.calling import parameters_given
from rnnc.importing.python.python import FUNCTIONS
from rnnc.importing.python.values import Function, Given, Names, Reference, Thunk, Value
from rnnc.importing.texts.evaluate import Evaluator
from rnnc.importing.texts.line import DEFAULTS, SCOPE

# What paths of functions begin with that are read here, TensorFlow's modules and NumPy.
_LIBRARIES = """
    tf tensorflow tf1 tfv1 layers slim nn contrib rnn rnn_cell math linalg random initializers init np numpy framework
    array_ops math_ops nn_ops init_ops vs variable_scope core_layers
"""
LIBRARIES = frozenset(_LIBRARIES.split())


def is_own(node: ast.Call, names: Names) -> bool:
    """Whether a call is one of a function that the text defines."""
    entry = names.get(node.func.id) if isinstance(node.func, ast.Name) else None
    value = entry.value if isinstance(entry, Given) else None
    several = isinstance(value, Reference) and isinstance(node.func, ast.Name) and value.path == node.func.id
    return several or (isinstance(entry, Thunk) and isinstance(entry.node, ast.Lambda))


@dataclass(frozen=True)
class Plain:
    """Reads what is no tensor: numbers, lists of these, words, and what is called."""

    evaluator: Evaluator

    def value(self, node: ast.expr, names: Names) -> Value:
        """The value of an expression; of what cannot be told a reference to nothing."""
        try:
            return self.evaluator.line(node, names).value
        except DiagnosticError:
            return Reference("")

    def whole(self, node: ast.expr | None, names: Names) -> int | None:
        found = self.value(node, names) if node is not None else None
        return found if isinstance(found, int) and not isinstance(found, bool) else None

    def wholes(self, node: ast.expr | None, names: Names) -> list[int] | None:
        """A list of whole numbers."""
        found = self.value(node, names) if node is not None else None
        items = [item.value for item in found] if isinstance(found, list) else []
        numbers = [item for item in items if isinstance(item, int) and not isinstance(item, bool)]
        return numbers if isinstance(found, list) and len(numbers) == len(items) else None

    def flag(self, node: ast.expr | None, names: Names, *, default: bool = False) -> bool | None:
        """True or False; None where nobody knows."""
        if node is None:
            return default
        found = self.value(node, names)
        return found if isinstance(found, bool) else None

    def word(self, node: ast.expr | None, names: Names) -> str | None:
        """A string, also one that is put together: `'layer_%d' % k`."""
        found = self.value(node, names) if node is not None else None
        return found if isinstance(found, str) else None

    def is_understood(self, names: Names) -> bool:
        """Whether calls mean what they say, and no block around them changes that."""
        return DEFAULTS not in names

    def is_number(self, node: ast.expr, names: Names) -> bool:
        """Whether an expression is only a number, a list of some, or a function, which matter where they are read."""
        if isinstance(node, ast.Call) and self.called(node, names) not in FUNCTIONS:
            return False
        found = self.value(node, names)
        if isinstance(node, ast.Attribute | ast.Lambda) and isinstance(found, Reference | Function):
            return not isinstance(found, Reference) or not found.path.startswith("‹")  # a part of a state
        values = [item.value for item in found] if isinstance(found, list) else [found]
        return all(isinstance(value, int | float | str) for value in values)

    def called(self, node: ast.Call, names: Names) -> str | None:
        """The last word of the library's function that a call names; None where the text has one of that name, or it is
        one of another library, or of an object."""
        if is_own(node, names):
            return None
        found = self.value(node.func, names)
        if not isinstance(found, Reference) or ("." in found.path and found.path.split(".")[0] not in LIBRARIES):
            return None
        return found.last or None

    def inside(self, node: ast.Call, names: Names) -> tuple[ast.expr, Names] | None:
        """What a call of a function of the text returns, and the names that this reads."""
        function = self.value(node.func, names)
        if not isinstance(function, Function):
            return None
        outside = {**function.names, **names} if function.is_outermost else function.names
        try:
            own = parameters_given(self.evaluator, function.node.args, node, names, outside)
        except DiagnosticError:
            return None
        return (function.node.body, {**outside, **own}) if own is not None else None

    def chosen(self, node: ast.IfExp, names: Names) -> ast.expr | None:
        """The branch that is taken."""
        try:
            return node.body if self.evaluator.truth(node.test, names) else node.orelse
        except DiagnosticError:
            return None

    def scope(self, names: Names) -> str | None:
        """The variable scopes around a line, as they stand in front of names; None where nobody knows."""
        entry = names.get(SCOPE)
        found = entry.value if isinstance(entry, Given) else ""
        return found if isinstance(found, str) else None


def arguments(node: ast.Call, signature: str, further: str = "name") -> Mapping[str, ast.expr] | None:
    """Every argument under the name of its parameter; `further` are keywords that change no result. None where the
    call has others."""
    places, free = signature.split(), further.split()
    starred = any(isinstance(each, ast.Starred) for each in node.args)
    if starred or len(node.args) > len(places) or any(keyword.arg is None for keyword in node.keywords):
        return None
    given = dict(zip(places, node.args, strict=False))
    named = {keyword.arg: keyword.value for keyword in node.keywords if keyword.arg is not None}
    if named.keys() & given.keys() or not named.keys() <= {*places, *free}:
        return None
    return given | named


def followed(node: ast.expr, names: Names) -> ast.expr:
    """What a name stands for, through other names."""
    return traced(node, names)[0]


def traced(node: ast.expr, names: Names) -> tuple[ast.expr, Names]:
    """That, and the names that it reads."""
    for _ in range(100):
        entry = names.get(node.id) if isinstance(node, ast.Name) else None
        if not isinstance(entry, Thunk):
            break
        node, names = entry.node, entry.names
    return node, names
