"""One elaboration: what reads expressions, statements, functions, cells and their instances, put together."""

from __future__ import annotations

import re

from rnnc.diagnostics import Diagnostics
from rnnc.semantics.bodies import other_steps
from rnnc.semantics.bodies.frames import Body, Context, Frame, Registry
from rnnc.semantics.bodies.remedies import of_call, of_decimal_comma, of_no_function
from rnnc.semantics.definitions.binding import call_cell
from rnnc.semantics.definitions.cells import Cells
from rnnc.semantics.definitions.functions import Functions
from rnnc.semantics.definitions.inner import Inner
from rnnc.semantics.definitions.inputs import Inputs
from rnnc.semantics.definitions.nesting import Nesting
from rnnc.semantics.definitions.running import apply
from rnnc.semantics.definitions.statements import Statements
from rnnc.semantics.expressions.arguments import Arguments
from rnnc.semantics.expressions.expressions import Expressions
from rnnc.semantics.functions import arranging, extremes, layers, picking, randomness, weighted
from rnnc.semantics.functions.builtins import BUILTINS, LABELLED, WEIGHTED
from rnnc.semantics.functions.making import nothing_to_name
from rnnc.semantics.problems import Problem, Work
from rnnc.semantics.scopes.values import CellValue, Choice, FnValue, Instance, LayerValue, Scope, Value, describe
from rnnc.semantics.scopes.variants import Variants
from rnnc.semantics.shapes.nodes import Graph
from rnnc.syntax import ast

REGISTERED = (arranging, extremes, layers, picking, randomness, weighted)  # importing them registers their functions


class Elaborator:
    """One elaboration of one model: its parts, each made of those below it. Expressions, the lowest, know it as
    `Elaborates`."""

    def __init__(self, diagnostics: Diagnostics, work: Work) -> None:
        self.diagnostics = diagnostics
        self.work = work
        self.builtins = BUILTINS
        self.variants = Variants(self._evaluate_alone, work)
        self.expressions = Expressions(self, self.variants, work)
        self.inputs = Inputs(self.expressions)
        nesting = Nesting(diagnostics)
        self.statements = Statements(self.expressions, self.inputs, nesting)
        self.functions = Functions(self.expressions, self.statements, nesting)
        self.cells = Cells(self.expressions, self.statements, nesting)
        self.inner = Inner(self.cells, self.statements)

    def _evaluate_alone(self, e: ast.Expr, scope: Scope) -> Value:
        """A compile-time expression outside of any body (defaults, bases of variants)."""
        body = Body("network", Graph(self.diagnostics, self.work), Registry(self.diagnostics))
        frame = Frame(body, scope, "", "fn", "", e.span)
        return self.expressions.value(e, Context(scope, frame))

    def call(self, e: ast.Call, c: Context) -> Value:
        """What a call gives, of whatever is called."""
        of = e.function.base if isinstance(e.function, ast.Attribute) else None
        if isinstance(of, ast.Name) and of.id in c.frame.instances:
            fix = f"an instance is stepped by its name: `{of.id}(x)`"
            name = e.function.span.text
            raise Problem("E205", f"`{name}` is no function", e.function.span, fix=fix, missing=name)
        function = self.expressions.value(e.function, c.named(None))
        match function:
            case FnValue(definition=None, name=name):
                return self._call_builtin(name, e, c)
            case FnValue():
                return self.functions.call(function, e, c)
            case CellValue():
                return call_cell(self.cells, function, e, c)
            case LayerValue():
                arguments = Arguments(self.expressions, e, c, function.kind)
                return apply(self.cells, function, arguments)
            case Instance():
                return self.inner.call(function, e, c)
            case Choice():
                raise self.no_function(function.word, e, c)
            case _:
                message = f"`{e.function.span.text}` is {describe(function)}, not a function"
                fix = other_steps.called(e, c) or of_no_function(function, e, c, BUILTINS)
                product = _multiplied(e, function) if fix is None else None
                missing = e.function.span.text if product is None else None  # as often as it is written, it is a slip
                raise Problem("E205", message, e.function.span, fix=fix or product, missing=missing)

    def named_call(self, e: ast.As, c: Context) -> Value:
        """`linear(h) as rec`: what the call gives; the name is that of its weights, or of its mask."""
        called = e.call.function.span.text
        if not nothing_to_name(e.call, c):
            value = self.call(e.call, c.named(e.name))
            if not isinstance(value, CellValue | LayerValue):
                return value
            message = f"`as` names the weights of a call with inputs, and `{called}` gives {describe(value)}"
            raise Problem(
                "E248", message, e.span, fix=f"write it behind that call: `{e.call.span.text}(x) as {e.name}`"
            )
        message = f"`as` names the weights or the mask of a call, and `{called}` has none"
        fix = "leave it out, or write it behind the call that has some"
        if called in c.frame.instances:
            message, fix = f"`as` is no name for `{called}`, whose weights are named after its `use`", "leave it out"
        if c.frame.kind != "fn" and c.frame.graph.equation == "output":
            fix += f"; an output is named in front: `output {e.name}: …`"
        raise Problem("E248", message, e.span, fix=fix)

    def _call_builtin(self, name: str, e: ast.Call, c: Context) -> Value:
        a = Arguments(self.expressions, e, c, name)
        a.refuse_labels(end=LABELLED.get(name))
        if name not in WEIGHTED and isinstance(e.function, ast.Name) and e.function.id == name:
            a.refuse_sharing()  # where a parameter stands for it, another function may have weights
        a.check_sharing()
        try:
            return BUILTINS[name](a)
        except Problem as problem:
            if problem.code == "E223" and problem.span == e.span:
                problem.fix = (
                    of_decimal_comma([o.span for o in a.operands]) or problem.fix or _compared(a) or _usage(name)
                )
            raise

    def no_function(self, name: str, e: ast.Call, c: Context) -> Problem:
        """E205, with what the name may have meant."""

        def fix() -> str | None:
            return of_call(name, e, c, c.scope.all_names() | set(BUILTINS) | set(c.frame.instances))

        return Problem("E205", f"there is no function or cell `{name}`", e.function.span, fix=fix, missing=name)


def _compared(a: Arguments) -> str | None:
    """The remedy for an option that is called as a value is, `where(x = 0, a, b)`."""
    given = next((o for n, o in a.options.items() if (n, False) in a.context.frame.members), None)
    return None if given is None else f"`{given.span.text}` is an option: compare with `==`"


def _usage(name: str) -> str | None:
    """How a function is called: the first line of what its implementation says of itself."""
    line = (BUILTINS[name].__doc__ or "").split("\n")[0]
    whole = (
        re.match(r"(.*?\))(?:: |\.?$)", line) if line.startswith(name) else re.search(rf"\b({name}\([^()]*\))", line)
    )
    line = whole[1] if whole is not None else line.partition(": ")[0].rstrip(".")
    return f"it is called so: `{line}`" if "(" in line else None


def _multiplied(e: ast.Call, function: Value) -> str | None:
    """What a call of something that is no function may have meant."""
    if function is None or isinstance(function, bool):
        name = e.function.span.text
        fix = f"give a function, `{name} = tanh`"
        return f"{fix}, or call it where it is one: `{name}(…) if {name} != none else …`" if function is None else fix
    if len(e.arguments) == 1 and isinstance(e.arguments[0], ast.Argument) and e.arguments[0].mark is None:
        return f"did you mean `{e.function.span.text} * ({e.arguments[0].span.text})`?"
    return None
