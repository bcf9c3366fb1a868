"""Loops over the parameters or parts of a model that only set what its weights begin with."""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence

from rnnc.importing.python.evaluates import Evaluates
from rnnc.importing.python.values import Given, Instance, Made, Names
from rnnc.importing.texts.fields import HARMLESS
from rnnc.importing.texts.thrown import is_harmless

PARTS = ("parameters", "named_parameters", "modules", "named_modules", "children", "named_children")
# Functions that fill an array: `nn.init.uniform_(p)`, and methods of one, `p.data.uniform_(-1, 1)`.
_FILLS = "uniform normal fill zero zeros ones constant copy random exponential cauchy log_normal xavier kaiming eye"
FILLS = re.compile(rf"^({'|'.join(_FILLS.split())}|orthogonal|trunc_normal|sparse|dirac|mul|add|sub|div|clamp)\w*_$")


def is_over_parts(ev: Evaluates, loop: ast.For, names: Names) -> bool:
    """Whether a loop goes through the parameters or the parts of a model."""
    inner = loop.iter
    while isinstance(inner, ast.Call) and isinstance(inner.func, ast.Name) and len(inner.args) == 1:
        inner = inner.args[0]  # `list(…)`, `enumerate(…)`
    if isinstance(inner, ast.Call) and ast.unparse(inner.func).endswith("state_dict().items"):
        inner = inner.func.value if isinstance(inner.func, ast.Attribute) else inner
    if not isinstance(inner, ast.Call) or not isinstance(inner.func, ast.Attribute):
        return False
    if inner.func.attr not in (*PARTS, "state_dict"):
        return False
    value = ev.if_known(inner.func.value, names).value
    is_own = isinstance(value, Instance) and value.blueprint.method(inner.func.attr) is not None
    return isinstance(value, Made | Instance) and not is_own


def only_fills(ev: Evaluates, loop: ast.For, names: Names) -> bool:
    """Whether such a loop does nothing but fill parameters, before the model is called."""
    held = (entry.value for entry in names.values() if isinstance(entry, Given))
    is_called = ev.models and any(isinstance(each, Instance) and each.made for each in held)
    own = {node.id for node in ast.walk(loop.target) if isinstance(node, ast.Name)}
    return not is_called and not loop.orelse and _fill(loop.body, own)


def what_it_does(loop: ast.For) -> str | None:
    """What such a loop does, as people are told; None of one that only looks."""
    nodes = [*ast.walk(loop)]
    calls = [each.func.attr for each in nodes if isinstance(each, ast.Call) and isinstance(each.func, ast.Attribute)]
    targets = [target for each in nodes if isinstance(each, ast.Assign) for target in each.targets]
    if any(map(FILLS.match, calls)) or any(isinstance(each, ast.Subscript) for each in targets):
        return "sets what parameters begin with"
    is_set = "requires_grad_" in calls or any(isinstance(each, ast.Attribute) for each in targets)
    return "belongs to training" if is_set else None


def _fill(body: Sequence[ast.stmt], own: set[str]) -> bool:
    """Whether statements only fill what the loop has names for, or give such parts names."""
    return all(_fills(each, own) for each in body)


def _fills(statement: ast.stmt, own: set[str]) -> bool:
    match statement:
        case ast.If(body=body, orelse=orelse):
            return _fill(body, own) and _fill(orelse, own)
        case ast.With(items=items, body=body):
            return all(ast.unparse(each.context_expr) == "torch.no_grad()" for each in items) and _fill(body, own)
        case ast.For(target=ast.Name(id=name), body=body, orelse=[]):
            own.add(name)
            return _fill(body, own)
        case ast.Pass() | ast.Continue() | ast.Break() | ast.Expr(value=ast.Constant()):
            return True
        case ast.Assign(targets=[ast.Name(id=name)], value=value):
            own.discard(name)
            own |= {name} if _root(value) in own else set()
            return not _calls_others(value)
        case ast.Assign(targets=[ast.Subscript() as target], value=value):
            return _root(target) in own and not _calls_others(value)
        case ast.Assign(targets=[ast.Attribute(attr=attribute) as target]):
            return attribute in HARMLESS and _root(target) in own
        case ast.Expr(value=ast.Call(func=function, args=args) as call):
            word = function.attr if isinstance(function, ast.Attribute) else ""
            first = args[0] if args and _root(function) not in own else function
            return is_harmless(call) or (FILLS.match(word) is not None and _root(first) in own)
        case _:
            return False


def _calls_others(value: ast.expr) -> bool:
    """Whether an expression may change something: it calls what is no size, and no function of numbers."""
    known = re.compile(r"(\.|^)(size|sqrt|len|int|float|numel|dim|split|chunk|max|min|calculate_gain|isinstance)$")
    calls = (each for each in ast.walk(value) if isinstance(each, ast.Call | ast.NamedExpr))
    return any(not isinstance(each, ast.Call) or not known.search(ast.unparse(each.func)) for each in calls)


def _root(node: ast.expr) -> str | None:
    """The name that a part, a field or a method is of."""
    while isinstance(node, ast.Attribute | ast.Subscript | ast.Call):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.id if isinstance(node, ast.Name) else None
