"""The arguments of a call, sorted: positional values, operands with labels, options, sharing."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from rnnc.diagnostics import Span
from rnnc.semantics.bodies.frames import Context
from rnnc.semantics.bodies.remedies import as_truth, of_option
from rnnc.semantics.expressions.expressions import Expressions
from rnnc.semantics.near import did_you_mean
from rnnc.semantics.problems import Problem
from rnnc.semantics.scopes.numbers import needs_value
from rnnc.semantics.scopes.values import Absent, Choice, Num, Value, describe
from rnnc.semantics.shapes.nodes import Node
from rnnc.syntax import ast


@dataclass(frozen=True, eq=False)
class Operand:
    """A positional argument or one with a label (`u: x`): its expression, and where that is to be evaluated."""

    label: str | None
    expression: ast.Expr
    context: Context

    @property
    def span(self) -> Span:
        return self.expression.span


class Arguments:
    """The arguments of one call. Every reader method reports what is missing or of the wrong kind."""

    def __init__(self, evaluate: Expressions, call: ast.Call, context: Context, name: str) -> None:
        self.evaluate, self.call, self.context, self.name = evaluate, call, context, name
        self.operands: list[Operand] = []
        self.options: dict[str, ast.Argument] = {}
        self.shared: tuple[str, ...] = ()
        self._values: dict[Operand, Value] = {}
        plain = [a.value for a in call.arguments if isinstance(a, ast.Argument) and a.mark != "="]
        self.is_comprehension = len(plain) == 1 and isinstance(plain[0], ast.Comprehension)
        inside = context.named(None)  # `as` names this call, not those among its operands
        for argument in call.arguments:
            if isinstance(argument, ast.SharedOver):
                self.shared = argument.names
            elif argument.mark == "=" and argument.name is not None:
                if argument.name in self.options:
                    raise Problem("E222", f"`{argument.name}` is given twice", _name_span(argument, argument.name))
                self.options[argument.name] = argument
            elif isinstance(argument.value, ast.Comprehension) and argument.mark is None:
                for inner in evaluate.each(argument.value.clauses, inside):
                    self.operands.append(Operand(None, argument.value.value, inner))
            else:
                self.operands.append(Operand(argument.name, argument.value, inside))

    @property
    def span(self) -> Span:
        return self.call.span

    def spots(self) -> dict[str, Span]:
        """Where words stand that may name axes: for carets under the one that is wrong."""
        found: dict[str, Span] = {}
        values = [*(o.expression for o in self.operands[1:]), *(o.value for o in self.options.values())]
        for value in values:
            for e in value.items if isinstance(value, ast.List) else (value,):
                if isinstance(e, ast.Name | ast.String):
                    found[e.id if isinstance(e, ast.Name) else e.value] = e.span
        return found

    # --- positional ---

    def leave_out(self) -> None:
        """Of functions of any number of operands: one with an `if` without `else` goes where its test is false."""
        kept: list[Operand] = []
        for operand in self.operands:
            e = operand.expression
            if not isinstance(e, ast.Conditional) or e.orelse is not None:
                kept.append(operand)
            elif self.evaluate.truth(e.test, operand.context):
                kept.append(Operand(operand.label, e.value, operand.context))
        self.operands = kept

    def count(self, low: int, high: int | None = None, fix: str | None = None) -> None:
        """Check how many positional arguments there are."""
        n = len(self.operands)
        if n < low or n > (low if high is None else high):
            wanted = f"{low}" if high in (None, low) else f"{low} to {high}" if high < 1000 else f"at least {low}"
            message = f"`{self.name}` takes {wanted} argument{'s' * (wanted.split()[-1] != '1')}, not {n}"
            raise Problem("E223", message, self.span, fix=fix)

    def value(self, i: int) -> Value:
        """Evaluated once, however often it is asked for: an argument may bring weights along."""
        operand = self.operands[i]
        if operand not in self._values:
            self._values[operand] = self.evaluate.value(operand.expression, operand.context)
        return self._values[operand]

    def node(self, i: int) -> Node:
        operand = self.operands[i]
        return self.evaluate.to_node(self.value(i), operand.span, operand.context)

    def nodes(self) -> list[Node]:
        return [self.node(i) for i in range(len(self.operands))]

    def refuse_labels(self, options: Iterable[str] = (), end: int | None = None) -> None:
        """Report labels (`v: x`) where they mean nothing: of the first `end` operands, or of all."""
        for argument in self.call.arguments:
            if not isinstance(argument, ast.Argument) or argument.mark != ":" or argument.name is None:
                continue
            if any(o.expression is argument.value for o in self.operands[:end]):
                label, text = argument.name, argument.value.span.text
                fix = f"write `{label} = …`" if label in set(options) else f"leave `{label}:` out"
                if label not in set(options) and argument is not self.call.arguments[0]:
                    fix += f"; an option is written `{label} = …`"
                message = f"an argument of `{self.name}` has no label, and `{label}: {text}` gives it one"
                raise Problem("E246", message, _name_span(argument, label), fix=fix)

    def refuse_sharing(self, *, cell: bool = False) -> None:
        """Report `shared over k` where there are no weights, or where they are a cell's."""
        found = next((s for s in self.call.arguments if isinstance(s, ast.SharedOver)), None)
        if found is not None:
            why = "brings its weights along" if cell else "has no weights to share"
            message = f"`shared over` is for weights that a call makes: `{self.name}` {why}"
            raise Problem("E247", message, found.span, fix=_SHARING if cell else "leave it out")

    def check_sharing(self) -> None:
        """`shared over k`: members are told apart by variables of loops around the call."""
        for name in self.shared:
            if self.context.scope.turning(name) is None:
                span = next(s.span for s in self.call.arguments if isinstance(s, ast.SharedOver))
                turning = [scope.loop for scope in self.context.scope.chain() if scope.loop is not None]
                fix = did_you_mean(name, turning) or (
                    f"write `shared over {turning[0]}`" if turning else "leave it out"
                )
                raise Problem(
                    "E201", f"`{name}` is no variable of a loop around this call", span, fix=fix, missing=name
                )

    # --- options ---

    def name_span(self, option: str) -> Span:
        """The name of an option, where it is given."""
        return _name_span(self.options[option], option)

    def allow(self, *names: str, kind: str = "option") -> None:
        """Report an option that the function does not have."""
        for name in self.options:
            if name not in names:
                there = f"{kind}s: {', '.join(names)}" if names else f"it has no {kind}s"
                fix = of_option(self.options[name], names) or did_you_mean(name, names) or there
                raise Problem("E221", f"`{self.name}` has no {kind} `{name}`", self.name_span(name), fix=fix)

    def has(self, name: str) -> bool:
        return name in self.options

    def option(self, name: str, default: Value = None) -> Value:
        if name not in self.options:
            return default
        value = self.evaluate.value(self.options[name].value, self.context)
        return default if isinstance(value, Absent) else value

    def choice(self, name: str, choices: tuple[str, ...]) -> Value:
        """An option that takes one of some words: a word is read as it stands, even where it names something else."""
        e = self.options[name].value
        return Choice(e.id, choices) if isinstance(e, ast.Name) and e.id in choices else self.option(name)

    def flag(self, name: str, default: bool) -> bool:
        value = self.option(name, default)
        if not isinstance(value, bool):
            spot = self.options[name].value.span
            fix = (
                f"write `{name}_init = …`, what it begins with"
                if name == "bias" and isinstance(value, Num)
                else as_truth(name, value)
            )
            raise Problem("E224", f"`{name}` is true or false, not {describe(value)}", spot, fix=fix)
        return value

    def number(self, name: str, default: float | None = None) -> float | None:
        value = self.option(name, Num(default) if default is not None else None)
        if value is None:
            return None
        return self.known_number(
            value, f"`{name}`", self.options[name].value.span if name in self.options else self.span
        )

    def known_number(self, value: Value, what: str, span: Span) -> float:
        """A number that must be given by now."""
        if not isinstance(value, Num):
            raise Problem("E206", f"{what} is a compile-time number, not {describe(value)}", span)
        if value.known is None:
            raise needs_value(value, span)
        return value.known

    def word(self, name: str, choices: Iterable[str], default: str | None) -> str:
        """An option that is one of a few words (read as written: `merge = concat`)."""
        choices = tuple(choices)
        argument = self.options.get(name)
        if argument is None:
            if default is None:
                raise Problem(
                    "E225", f"`{self.name}` wants `{name}` stated", self.span, fix=f"{name} = {' or '.join(choices)}"
                )
            return default
        e = argument.value
        word = e.id if isinstance(e, ast.Name) else "none" if isinstance(e, ast.Constant) and e.value is None else None
        if word not in choices:
            value = self.evaluate.value(e, self.context)
            word = value.word if isinstance(value, Choice) else "none" if value is None else word
        if word not in choices:
            fix = did_you_mean(str(word), choices)
            if isinstance(e, ast.String) and e.value in choices:
                fix = f"words stand without quotes: `{name} = {e.value}`"
            raise Problem("E217", f"`{name}` is one of {', '.join(choices)}", e.span, fix=fix)
        return word

    def axis(self, i: int | None = None, name: str = "axis") -> str | None:
        """The axis named by positional argument i, or by an option; None where none is, or a function's own is none."""
        if i is not None and len(self.operands) > i:
            return self._label(self.operands[i].expression, self.operands[i].context)
        return self._label(self.options[name].value, self.context) if name in self.options else None

    def axes(self, start: int, name: str) -> tuple[str | None, ...]:
        """The axes named by positional arguments from `start` on and by an option; a list stands for its items."""
        given = [(o.expression, o.context) for o in self.operands[start:]]
        if name in self.options:
            given.append((self.options[name].value, self.context))
        found: list[str | None] = []
        for e, c in given:
            found += self._listed(e, c) or (self._label(e, c),)
        return tuple(found)

    def _listed(self, e: ast.Expr, c: Context) -> tuple[str, ...]:
        """The axes of a list, or of one that a function was given."""
        return self.evaluate.labels(e, c) if isinstance(e, ast.List) or self.evaluate.listed(e, c) else ()

    def new_label(self, e: ast.Expr, c: Context) -> str:
        """The label of an axis that a call brings in."""
        label = self._label(e, c)
        if label is None:
            raise Problem("E214", "the name of an axis is wanted here", e.span)
        return self.evaluate.own_label(label, c)

    def _label(self, e: ast.Expr, c: Context) -> str | None:
        if isinstance(e, ast.List) or self.evaluate.listed(e, c):
            fix = f"`merge(v, {e.span.text})` makes one axis of several"
            raise Problem("E214", "one axis is wanted here, not a list of them", e.span, fix=fix)
        if _is_none(e, c):
            return None
        (label,) = self.evaluate.labels(e, c)
        return label

    def integers(self, name: str, count: int, default: int | None) -> tuple[int, ...]:
        """A list of whole numbers (one number stands for all)."""
        if name not in self.options:
            if default is None:
                raise Problem("E225", f"`{self.name}` wants `{name}` stated", self.span)
            return (default,) * count
        argument = self.options[name]
        value = self.evaluate.value(argument.value, self.context)
        values = value if isinstance(value, tuple) else (value,) * count
        numbers = [v.known for v in values if isinstance(v, Num) and isinstance(v.known, int)]
        if len(numbers) != len(values) or len(values) != count or any(n < 1 for n in numbers):
            wanted = f"{count} whole numbers" if count != 1 else "a whole number"
            raise Problem("E226", f"`{name}` wants {wanted} from 1 on", argument.value.span)
        return tuple(int(n) for n in numbers)


_SHARING = "leave it out; what runs with one set of weights is one instance, `use f = …`, and `use g = f` beside it"


def _name_span(argument: ast.Argument, name: str) -> Span:
    return Span(argument.span.source, argument.span.start, argument.span.start + len(name))


def _is_none(e: ast.Expr, c: Context) -> bool:
    """Is this `none`, or a parameter for which nothing is given?"""
    if isinstance(e, ast.Constant):
        return e.value is None
    found = c.scope.find(e.id) if isinstance(e, ast.Name) else None
    return found is not None and found[1] is None
