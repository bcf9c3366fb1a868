"""Open sizes from actual shapes: `units` and `input` from arrays that are declared with them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from rnnc.ir.size import Size, product
from rnnc.verify.errors import VerifyError

SEARCH_LIMIT = 1 << 14  # the largest size looked for where an equation cannot be solved directly


GIVEN = "sizes that are given (-D, or where a cell is used) have to be those of the recorded cell; open ones are found"


@dataclass(frozen=True)
class Equation:
    """`declared` evaluates to `actual`; `where` names the axis of the array that says so."""

    declared: Size
    actual: int
    where: str


def shape_equations(name: str, declared: Sequence[Size], actual: Sequence[int]) -> Iterator[Equation]:
    """One equation per axis. An array of another rank only has to hold as many numbers."""
    if len(declared) == len(actual):
        for axis, (size, number) in enumerate(zip(declared, actual, strict=True)):
            yield Equation(size, number, f"axis {axis} of {name!r} {tuple(actual)}")
    else:
        count = 1
        for number in actual:
            count *= number
        yield Equation(product(tuple(declared)), count, f"{name!r} {tuple(actual)}")


def solve(equations: Iterable[Equation], wanted: Iterable[str]) -> dict[str, int]:
    """The value of every wanted symbol (and of all others in the equations). E801: contradiction, or not determined."""
    values: dict[str, int] = {}
    pending = list(equations)
    while True:
        pending = [e for e in pending if not _settled(e, values)]
        if not (_solve_affine(pending, values) or _solve_by_search(pending, values)):
            break
    missing = sorted(set(wanted) - values.keys())
    if missing:
        raise VerifyError(
            "E801",
            f"the arrays do not determine {', '.join(missing)}",
            notes=[f"{e.declared} = {e.actual} ({e.where})" for e in pending],
            fix="give " + " ".join(f"-D {name}=…" for name in missing),
        )
    return values


def _rest(size: Size, values: Mapping[str, int]) -> Size:
    return size.substitute({name: Size.of(value) for name, value in values.items()})


def _settled(equation: Equation, values: Mapping[str, int]) -> bool:
    """Whether nothing is unknown in it any more; E801 where it does not hold."""
    number = _rest(equation.declared, values).constant
    if number is None:
        return False
    if number != equation.actual:
        used = ", ".join(f"{s} = {values[s]}" for s in sorted(equation.declared.symbols))
        said = f"{equation.declared} is {number} with {used}" if used else f"the description has {number} there"
        raise VerifyError(
            "E801", f"{equation.where} is {equation.actual} long, but {said}", fix=None if used else GIVEN
        )
    return True


def _solve_affine(equations: Sequence[Equation], values: dict[str, int]) -> bool:
    """Bind one symbol by an equation `a * symbol + b = actual`; False where there is none."""
    for equation in equations:
        rest = _rest(equation.declared, values)
        if rest.affine is None:
            continue
        symbol, factor, offset = rest.affine
        value, remainder = divmod(equation.actual - offset, factor)
        if remainder or value < 0:
            raise VerifyError(
                "E801", f"{equation.where} is {equation.actual} long, which {rest} cannot be for any {symbol}"
            )
        values[symbol] = value
        return True
    return False


def _solve_by_search(equations: Sequence[Equation], values: dict[str, int]) -> bool:
    """Bind one symbol that is alone in its equations (squares, quotients), where exactly one number fits them all."""
    alone: dict[str, list[tuple[Size, Equation]]] = {}
    for equation in equations:
        rest = _rest(equation.declared, values)
        if len(rest.symbols) == 1:
            alone.setdefault(next(iter(rest.symbols)), []).append((rest, equation))
    for symbol, conditions in alone.items():
        fitting = [
            n
            for n in range(1, SEARCH_LIMIT)
            if all(rest.evaluate({symbol: n}) == equation.actual for rest, equation in conditions)
        ]
        if not fitting:
            raise VerifyError(
                "E801", f"no {symbol} fits " + " and ".join(f"{r} = {e.actual} ({e.where})" for r, e in conditions)
            )
        if len(fitting) == 1:
            values[symbol] = fitting[0]
            return True
    return False
