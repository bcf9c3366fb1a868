"""One line of a text, as it is told to whoever reads texts, and the variable scopes around it."""

from __future__ import annotations

import ast
from dataclasses import dataclass

from rnnc.diagnostics import Span
from rnnc.importing.python.values import Given, Names, Thunk

SCOPE = "‹scope›"  # the name under which lines know the variable scopes around them; its value None: nobody knows
DEFAULTS = "‹defaults›"  # a name that is there where blocks may change what calls mean in them: `arg_scope`
_PLAIN = """
    name_scope variable_scope device Session InteractiveSession as_default control_dependencies colocate_with open Graph
"""
PLAIN = frozenset(_PLAIN.split())  # what a block may begin with that changes no call


@dataclass(frozen=True)
class Line:
    """A value that a statement computes, the statement, and the names that it may read. One that is not read, or that
    only adds to what there is, is nothing that a text is about, and has to be told where it is left out."""

    value: ast.expr
    statement: ast.stmt
    names: Names
    is_read: bool = True
    is_more: bool = False


def unread(statement: ast.stmt) -> Line:
    """The line of a statement that is not read."""
    return Line(ast.copy_location(ast.Constant(value=None), statement), statement, {}, is_read=False, is_more=True)


def opened(item: ast.withitem, names: Names, span: Span) -> dict[str, Given | Thunk]:
    """The names that `with tf.variable_scope('output') as scope` gives."""
    call, entry = item.context_expr, names.get(SCOPE)
    scope = entry.value if isinstance(entry, Given) else ""
    function = ast.unparse(call.func).rpartition(".")[2] if isinstance(call, ast.Call) else ""
    if isinstance(call, ast.Call) and function in ("variable_scope", "name_scope"):
        name = call.args[0].value if call.args and isinstance(call.args[0], ast.Constant) else None
        is_known = isinstance(scope, str) and isinstance(name, str) and function == "variable_scope"
        scope = f"{scope}{name}/" if is_known else None
    changes = function not in PLAIN or any(k.arg == "custom_getter" for k in getattr(call, "keywords", ()))
    defaults: dict[str, Given | Thunk] = {DEFAULTS: Given(True, span)} if changes else {}
    named = [node.id for node in ast.walk(item.optional_vars or ast.Tuple(elts=[])) if isinstance(node, ast.Name)]
    return {SCOPE: Given(scope, span), **defaults, **{name: Thunk(call, {**names}, {**names}) for name in named}}
